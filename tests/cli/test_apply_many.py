"""``idp apply`` of many people beside sign-ins: nobody waits for a trial, and only for moments for what is written."""

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
    """So many users with hashes of another system."""
    return SHOP + "".join(
        f'[[users]]\norganisation = "example-shoes"\nusername = "person{number}"\npassword_hash = "{HASH}"\n'
        for number in range(count)
    )


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write without pauses, as no other process waits for the write lock here."""
    monkeypatch.setattr(work, "SHORTEST_PAUSE", 0.0)


def test_a_dry_run_takes_no_write_lock(idp: Idp) -> None:
    """Issue 7 entry 33: somebody else holds SQLite's one write lock throughout."""
    with sqlite3.connect(idp.folder / "sleutel.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        said = idp.apply(people(3), "--dry-run").stdout
        assert "5 created" in said
        assert not other.execute("SELECT 1 FROM users WHERE username = 'person1'").fetchall()
        other.execute("ROLLBACK")
    assert not list(idp.folder.glob(".apply-*")), "the copy is gone"


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_trial_on_postgresql_locks_no_row(idp: Idp, engine: str) -> None:
    """Issue 7 entry 33: not even the head of an audit trail, which every sign-in of the organisation needs."""
    group = '[[groups]]\norganisation = "example-shoes"\nname = "Tills"\n'
    idp.apply(people(3) + group)
    changed = people(4).replace("[[users]]", '[[users]]\nname = "Other"') + "[[groups]]\nabsent = true" + group[10:]
    with psycopg.connect(idp.settings.database_url.replace("+psycopg", "")) as other:
        names = other.execute("SELECT string_agg(quote_ident(tablename), ',') FROM pg_tables WHERE schemaname = 'public'")
        (tables,) = names.fetchone() or ("",)
        other.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE".encode())  # others may read, and nothing else
        said = idp.apply(changed, "--dry-run").stdout
    assert "1 created, 4 changed, 1 removed" in said, said
    assert said.replace(" (dry run: nothing was changed)", "") == idp.apply(changed).stdout


@pytest.mark.usefixtures("unhurried")
def test_owners_of_many_organisations_are_not_one_transaction(idp: Idp) -> None:
    """Issue 7 entry 33: an organisation and its owner stay together; thousands of them are not held together."""
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
    assert max(real) <= work.BATCH // 2, "with two steps each, they are two transactions at least"


@pytest.mark.usefixtures("unhurried")
def test_people_are_written_in_short_transactions(idp: Idp) -> None:
    """Issue 7 entry 33: between any two commits that write, a bounded number of people."""
    written: list[int] = [0]

    class _Count(Seen):
        def before(self, engine: Engine, statement: str, table: str) -> None:
            written[-1] += statement.startswith("INSERT INTO users ")
            if statement == "COMMIT":
                written.append(0)

    with watched(_Count()):
        assert f"{MANY + 2} created" in idp.apply(people(MANY)).stdout
    # the trial is undone: it never commits, so its statements come before the first commit that writes
    real = [count for count in written if count]
    assert sum(real) == 2 * (MANY + 1), "once in the trial, once for good"
    assert len(real) >= MANY // work.BATCH
    assert all(count <= work.BATCH for count in real[1:])
    assert "0 created" in idp.apply(people(MANY)).stdout


@pytest.mark.usefixtures("unhurried")
def test_applying_again_completes_what_was_interrupted(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 7 entry 33: the process died after two transactions; what they wrote is whole, and the rest comes."""
    put = users.put_user
    left = iter(range(MANY + 1 + 2 * work.BATCH))  # the trial goes through

    def _put(*args: object) -> None:
        if next(left, None) is None and args[0].prepared is not None:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        put(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(users, "put_user", _put)
    idp.apply(people(MANY), code=1)
    monkeypatch.setattr(users, "put_user", put)
    said = idp.apply(people(MANY)).stdout
    done = int(said.splitlines()[-1].rpartition(", ")[2].split()[0])
    assert 0 < done < MANY + 2
    assert f"{MANY + 2 - done} created" in said
    idp("audit", "verify")


@pytest.mark.usefixtures("unhurried")
def test_what_changed_since_the_trial_is_told_as_it_is(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 7 entry 33: the message does not say that nothing was changed where something was."""
    prepare = users.prepare

    def _prepare_concurrently(*args: object) -> object:
        with sqlite3.connect(idp.folder / "sleutel.sqlite3") as other:
            other.execute("DELETE FROM shops")
        return prepare(*args)  # type: ignore[arg-type]

    idp.apply(SHOP + '[[shops]]\norganisation = "example-shoes"\ncode = "a"\nname = "A"\n')
    monkeypatch.setattr(users, "prepare", _prepare_concurrently)
    late = f'[[users]]\norganisation = "example-shoes"\nusername = "late"\nshops = ["a"]\npassword_hash = "{HASH}"\n'
    said = idp.apply(people(60) + late, code=1).stderr
    assert "steps were done; correct what follows and apply again" in said
    assert "nothing was changed" not in said


@pytest.mark.usefixtures("unhurried")
def test_a_long_work_says_how_far_it_is(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 7 entry 33: each part of the work does, of a dry run too. Only its result is on stdout."""
    monkeypatch.setattr("idp.cli.apply.TELL_EVERY", 0.0)
    text = people(2).replace(f'password_hash = "{HASH}"', 'password = "a sturdy kettle sings"')
    tried = idp.apply(text, "--dry-run").stderr
    for line in ("checked 5 of 5", "judged the passwords of 3 of 3"):
        assert line in tried, tried
    done = idp.apply(text)
    for line in ("judged the passwords of 1 of 3", "hashed the credentials of 3 of 3", "wrote 5 of 5"):
        assert line in done.stderr, done.stderr
        assert line not in done.stdout


def test_what_is_as_the_file_says_is_not_written_again(idp: Idp) -> None:
    """Issue 7 entry 33: the second time nothing differs, so no write lock is taken; a change is written by itself."""
    group = '[[groups]]\norganisation = "example-shoes"\nname = "Tills"\n'
    text = people(3) + group
    idp.apply(text)
    with sqlite3.connect(idp.folder / "sleutel.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        said = idp.apply(text).stdout
        other.execute("ROLLBACK")
    assert "0 created, 0 changed, 0 removed, 6 left alone" in said, said
    said = idp.apply(text + '[[users]]\norganisation = "example-shoes"\nusername = "late"\ngroups = ["tills"]\n').stdout
    outcomes = [line.split()[0] for line in said.splitlines()[:-1]]
    assert outcomes == ["unchanged"] * 6 + ["created"], "each object in the order of the file, whatever was skipped"


@pytest.mark.usefixtures("unhurried")
def test_a_slow_transaction_takes_no_further_step(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 7 entry 33: it is the time that a sign-in waits which is bounded, on a slow machine too."""
    monkeypatch.setattr(work, "LONGEST_SECONDS", 0.0)
    written: list[int] = [0]
    monkeypatch.setattr(work, "_take_some", counted(work._take_some, written))
    idp.apply(people(3))
    assert written == [0, 1, 2, 1, 1, 1], "an organisation and its owner are one unit, everybody else is one alone"


def counted(take_some: Callable[..., int], counts: list[int]) -> Callable[..., int]:
    """The function, with what it returns noted."""

    def _take_some(*args: object) -> int:
        counts.append(take_some(*args))
        return counts[-1]

    return _take_some


def test_a_person_costs_as_much_beside_many_shops_as_beside_few(idp: Idp) -> None:
    """Issue 7 entry 33: only the shops and groups that somebody is put into are read, not all of the organisation."""
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
