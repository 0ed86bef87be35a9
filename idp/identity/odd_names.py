"""Find names that older rules allowed and today's rules refuse. They keep working; `idp doctor` lists them."""

from collections.abc import Iterator
from itertools import chain

from idp.identity import claim_forms
from idp.normal_forms import compared, one_line
from idp.store import organisations, user_search


def found() -> Iterator[str]:
    """Yield a line about each, with its organisation and kind."""
    rows = organisations.organisations()
    yield from (f"{row.store_url}: its name {row.name!a}" for row in rows if one_line(row.name) != row.name)
    store_urls = {row.id: row.store_url for row in rows}
    for organisation_id, store_url in store_urls.items():
        for shop in organisations.shops(organisation_id):
            if not claim_forms.is_shop_code(shop.code) or shop.code_key != compared(shop.code):
                yield f"{store_url}: shop {shop.code!a}"
        for group in organisations.groups(organisation_id):
            if not claim_forms.is_group_name(group.name) or group.name_key != compared(group.name):
                yield f"{store_url}: group {group.name!a}"
        for user in chain.from_iterable(user_search.each(organisation_id)):
            if user.username_key != compared(user.username) or one_line(user.username) != user.username:
                yield f"{store_url}: user {user.username!a}"
            elif one_line(user.name) != user.name:
                yield f"{store_url}: the name {user.name!a} of user {user.username!a}"
