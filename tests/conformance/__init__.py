"""Walk through the modules of the OpenID Foundation's conformance plans, under their published names.

A test is one module: ``test_oidcc_server`` is ``oidcc-server``. It asserts what the module checks of a provider. ``make
conformance`` prints pass or fail for each module of each plan. Not here: the Foundation's own suite, which certifies.
"""
