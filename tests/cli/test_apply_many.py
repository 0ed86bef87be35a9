"""``idp apply`` of many users beside sign-ins. Its trial blocks no sign-in, and its writes block one only for moments."""

import sqlite3
from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import Engine

from idp.cli.provision import users, work
from tests.cli.conftest import SHOP, Idp
from tests.drivers.statements import RowsOf, Seen, watched

HASH = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$Zm9yIHRlc3RzIG9ubHksIG5vdGhpbmcgZml0cyBpdCEhISE"
MANY = 130


def people(count: int) -> str:
    """Return a document with so many users that have hashes of another system."""
    return SHOP + "".join(
        f'[[users]]\norganisation = "example-shoes"\nusername = "person{number}"\npassword_hash = "{HASH}"\n'
        for number in range(count)
    )


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write without pauses, as no other process waits for the write lock here."""
    monkeypatch.setattr(work, "SHORTEST_PAUSE", 0.0)


def test_a_dry_run_takes_no_write_lock(idp: Idp) -> None:
    """Another program holds SQLite's one write lock the whole time."""
    with sqlite3.connect(idp.folder / "sleutel.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        output = idp.apply(people(3), "--dry-run").stdout
        assert "5 created" in output
        assert not other.execute("SELECT 1 FROM users WHERE username = 'person1'").fetchall()
        other.execute("ROLLBACK")
    assert not list(idp.folder.glob(".apply-*")), "the copy must be deleted"


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_trial_on_postgresql_locks_no_row(idp: Idp, engine: str) -> None:
    """It does not lock the head of an audit log, which every sign-in of the organisation needs."""
    group = '[[groups]]\norganisation = "example-shoes"\nname = "Tills"\n'
    idp.apply(people(3) + group)
    changed = people(4).replace("[[users]]", '[[users]]\nname = "Other"') + "[[groups]]\nabsent = true" + group[10:]
    with psycopg.connect(idp.settings.database_url.replace("+psycopg", "")) as other:
        names = other.execute("SELECT string_agg(quote_ident(tablename), ',') FROM pg_tables WHERE schemaname = 'public'")
        (tables,) = names.fetchone() or ("",)
        other.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE".encode())  # other programs may read only
        output = idp.apply(changed, "--dry-run").stdout
    assert "1 created, 4 changed, 1 removed" in output, output
    assert output.replace(" (dry run: nothing was changed)", "") == idp.apply(changed).stdout


@pytest.mark.usefixtures("unhurried")
def test_owners_of_many_organisations_use_several_transactions(idp: Idp) -> None:
    """Only an organisation and its owner share a transaction."""
    shops = "".join(
        SHOP.replace("example-shoes", f"shoes-{number}").replace('password = "klompen staan buiten"\n', "")
        for number in range(work.BATCH)
    )
    sizes: list[int] = []

    class _Count(Seen):
        def before(self, engine: Engine, statement: str, table: str) -> None:
            if statement == "BEGIN IMMEDIATE":
                sizes.append(0)
            sizes[-1:] = [sizes[-1] + statement.startswith("INSERT INTO users ")] if sizes else []

    with watched(_Count()):
        idp.apply(shops)
    trial, *real = [size for size in sizes if size]
    assert trial == sum(real) == work.BATCH
    assert max(real) <= work.BATCH // 2, "with two steps each, there are at least two transactions"


@pytest.mark.usefixtures("unhurried")
def test_users_are_written_in_short_transactions(idp: Idp) -> None:
    """One commit writes a bounded number of users."""
    written: list[int] = [0]

    class _Count(Seen):
        def before(self, engine: Engine, statement: str, table: str) -> None:
            written[-1] += statement.startswith("INSERT INTO users ")
            if statement == "COMMIT":
                written.append(0)

    with watched(_Count()):
        assert f"{MANY + 2} created" in idp.apply(people(MANY)).stdout
    # the trial is rolled back, so its statements come before the first commit that writes
    real = [count for count in written if count]
    assert sum(real) == 2 * (MANY + 1), "each user is written once in the trial and once for good"
    assert len(real) >= MANY // work.BATCH
    assert all(count <= work.BATCH for count in real[1:])
    assert "0 created" in idp.apply(people(MANY)).stdout


@pytest.mark.usefixtures("unhurried")
def test_applying_again_completes_an_interrupted_run(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process crashed after two transactions. They are complete, and the second run does the rest."""
    put = users.put_user
    left = iter(range(MANY + 1 + 2 * work.BATCH))  # the trial succeeds

    def _put(*args: object) -> None:
        if next(left, None) is None and args[0].prepared is not None:  # type: ignore[attr-defined] # a work unit
            raise KeyboardInterrupt
        put(*args)  # type: ignore[arg-type] # what the product gives

    monkeypatch.setattr(users, "put_user", _put)
    idp.apply(people(MANY), code=1)
    monkeypatch.setattr(users, "put_user", put)
    output = idp.apply(people(MANY)).stdout
    done = int(output.splitlines()[-1].rpartition(", ")[2].split()[0])
    assert 0 < done < MANY + 2
    assert f"{MANY + 2 - done} created" in output
    idp("audit", "verify")


@pytest.mark.usefixtures("unhurried")
def test_a_conflict_after_the_trial_is_reported_correctly(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message does not deny changes that were made."""
    prepare = users.prepare

    def _prepare_concurrently(*args: object) -> object:
        with sqlite3.connect(idp.folder / "sleutel.sqlite3") as other:
            other.execute("DELETE FROM shops")
        return prepare(*args)  # type: ignore[arg-type] # what the product gives

    idp.apply(SHOP + '[[shops]]\norganisation = "example-shoes"\ncode = "a"\nname = "A"\n')
    monkeypatch.setattr(users, "prepare", _prepare_concurrently)
    late = f'[[users]]\norganisation = "example-shoes"\nusername = "late"\nshops = ["a"]\npassword_hash = "{HASH}"\n'
    output = idp.apply(people(60) + late, code=1).stderr
    assert "steps were done; correct what follows and apply again" in output
    assert "nothing was changed" not in output


@pytest.mark.usefixtures("unhurried")
def test_a_long_run_reports_its_progress(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of the work reports it, in a dry run too. Only the result is on stdout."""
    monkeypatch.setattr("idp.cli.apply.TELL_EVERY", 0.0)
    text = people(2).replace(f'password_hash = "{HASH}"', 'password = "a sturdy kettle sings"')
    tried = idp.apply(text, "--dry-run").stderr
    for line in ("checked 5 of 5", "judged the passwords of 3 of 3"):
        assert line in tried, tried
    done = idp.apply(text)
    for line in ("judged the passwords of 1 of 3", "hashed the credentials of 3 of 3", "wrote 5 of 5"):
        assert line in done.stderr, done.stderr
        assert line not in done.stdout


def test_unchanged_objects_are_not_written_again(idp: Idp) -> None:
    """A second run finds no difference and takes no write lock. A change is written by itself."""
    group = '[[groups]]\norganisation = "example-shoes"\nname = "Tills"\n'
    text = people(3) + group
    idp.apply(text)
    with sqlite3.connect(idp.folder / "sleutel.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        output = idp.apply(text).stdout
        other.execute("ROLLBACK")
    assert "0 created, 0 changed, 0 removed, 6 left alone" in output, output
    output = idp.apply(text + '[[users]]\norganisation = "example-shoes"\nusername = "late"\ngroups = ["tills"]\n').stdout
    outcomes = [line.split()[0] for line in output.splitlines()[:-1]]
    assert outcomes == ["unchanged"] * 6 + ["created"], "each object must be in the order of the file, whatever was skipped"


@pytest.mark.usefixtures("unhurried")
def test_a_slow_transaction_takes_no_further_step(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit bounds how long a sign-in waits, on a slow machine too."""
    monkeypatch.setattr(work, "LONGEST_SECONDS", 0.0)
    written: list[int] = [0]
    monkeypatch.setattr(work, "_take_some", counted(work._take_some, written))
    idp.apply(people(3))
    assert written == [0, 1, 2, 1, 1, 1], "an organisation and its owner are one unit, and each other user is one"


def counted(take_some: Callable[..., int], counts: list[int]) -> Callable[..., int]:
    """Return the function, with its results recorded in ``counts``."""

    def _take_some(*args: object) -> int:
        counts.append(take_some(*args))
        return counts[-1]

    return _take_some


def test_the_cost_of_a_user_does_not_grow_with_the_shops(idp: Idp) -> None:
    """Only the shops and groups of the user are read, not all of the organisation."""
    shops = "".join(f'[[shops]]\norganisation = "example-shoes"\ncode = "s{number}"\nname = "S"\n' for number in range(40))
    idp.apply(SHOP + shops)
    read = RowsOf("shops")
    text = "".join(
        f'[[users]]\norganisation = "example-shoes"\nusername = "p{number}"\nshops = ["s{number}"]\n' for number in range(5)
    )
    with watched(read):
        assert "5 created" in idp.apply(text).stdout
        assert "5 left alone" in idp.apply(text).stdout
    assert 0 < read.count <= 5 * 8
