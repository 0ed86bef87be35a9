"""Conditions of statements on the state of an organisation: removed, disabled, or in use."""

from typing import Any

from sqlalchemy import ColumnElement, select

from idp.store.organisations import REMOVED, Organisation


def is_there(organisation_id: Any) -> ColumnElement[bool]:
    """Match organisations that are not removed."""
    return select(Organisation.id).where(Organisation.id == organisation_id, Organisation.kind != REMOVED).exists()


def is_disabled(organisation_id: Any) -> ColumnElement[bool]:
    """Match where an organisation is disabled."""
    return select(Organisation.id).where(Organisation.id == organisation_id, Organisation.disabled_at.is_not(None)).exists()


def open_since(moment: Any) -> tuple[ColumnElement[bool], ...]:
    """Match organisations that are neither removed nor disabled, and were not disabled since a moment."""
    was_open = Organisation.enabled_at.is_(None) | (Organisation.enabled_at <= moment)
    return Organisation.kind != REMOVED, Organisation.disabled_at.is_(None), was_open


def is_open(organisation_id: Any, moment: Any) -> ColumnElement[bool]:
    """Match where an organisation is in use, and was since a moment: what began before it was disabled stays over."""
    return select(Organisation.id).where(Organisation.id == organisation_id, *open_since(moment)).exists()
