"""Names from before the present rules, which no form would take today. They keep working; `idp doctor` lists them."""

from collections.abc import Iterator

from idp.identity import claim_forms
from idp.normal_forms import compared
from idp.store import organisations, users


def found() -> Iterator[str]:
    """Each with its organisation and kind."""
    store_urls = {row.id: row.store_url for row in organisations.organisations()}
    for organisation_id, store_url in store_urls.items():
        for shop in organisations.shops(organisation_id):
            if not claim_forms.is_shop_code(shop.code) or shop.code_key != compared(shop.code):
                yield f"{store_url}: shop {shop.code!a}"
        for group in organisations.groups(organisation_id):
            if not claim_forms.is_group_name(group.name) or group.name_key != compared(group.name):
                yield f"{store_url}: group {group.name!a}"
    for organisation_id, username, key in users.username_keys():
        if key != compared(username):
            yield f"{store_urls[organisation_id]}: user {username!a}"
