"""View menu of the Sessions page: saved filters, order and columns."""

from dataclasses import replace
from typing import Final

import streamlit as st

from director_ai.errors import DirectorError
from director_ai.storage.saved_views import (
    MOST_CHARS,
    delete_view,
    rename_view,
    save_view,
    saved_views,
)
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import reviewer
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.session_filters import COLUMNS, Filters, read
from director_ai.ui.components.status_banner import notice
from director_ai.ui.sessions.filter_controls import read_address, sync_control, write_address

_NAME: Final = "view_name"
_MESSAGE: Final = "view_message"


def opened_view(store: Store, filters: Filters) -> tuple[Filters, list[str]]:
    """Return the filters of the view that an address names, if it names nothing else.

    Also return the names of views that are not there.
    """
    if not filters.view or filters != Filters(view=filters.view):
        return filters, []
    parameters = {view.name: view.parameters for view in saved_views(store)}
    if filters.view not in parameters:
        return replace(filters, view=""), [f"view {filters.view[:40]!r}"]
    opened = replace(read(parameters[filters.view])[0], view=filters.view)
    write_address(opened)
    return opened, []


def view_menu(store: Store, filters: Filters) -> None:
    """Draw the menu: open a saved view, choose columns, save, rename and delete."""
    views = {view.name: view for view in saved_views(store)}
    name = filters.view if filters.view in views else ""
    changed = " *" if name and not _is_saved(filters, views[name].parameters) else ""
    with st.popover(
        f"{visible(name)}{changed}" if name else "Views",
        icon=":material/bookmarks:",
        key="views",
        help="Filters, order and columns under a name, for everyone who uses this store.",
    ):
        if not views:
            notice("No view is saved yet: choose filters, order and columns, and name them here.")
        for each in views.values():
            st.button(
                visible(each.name),
                key=f"view_{each.name}",
                type="tertiary",
                icon=f":material/{'check' if each.name == name else 'bookmark'}:",
                help=f"Saved by {visible(each.author)}" if each.author else None,
                on_click=_open,
                args=(each.name, each.parameters),
            )
        sync_control("view_columns", list(filters.column))
        st.multiselect(
            "Columns",
            COLUMNS,
            key="view_columns",
            placeholder="All",
            on_change=_set_columns,
        )
        st.text_input(
            "Name", key=_NAME, max_chars=MOST_CHARS, placeholder="such as: Halts of the night"
        )
        with st.container(horizontal=True, gap="xsmall"):
            for label, key, action, possible in (
                ("Save view", "view_save", _save, True),
                ("Rename", "view_rename", _rename, bool(name)),
                ("Delete", "view_delete", _delete, bool(name)),
            ):
                st.button(
                    label,
                    key=key,
                    disabled=store.read_only or not possible,
                    on_click=action,
                    args=(store, name, filters),
                )
        message = st.session_state.pop(_MESSAGE, "")
        if message:
            notice(message)


def _is_saved(filters: Filters, parameters: dict[str, list[str]]) -> bool:
    return _content(filters) == _content(read(parameters)[0])


def _content(filters: Filters) -> Filters:
    return replace(filters, view="", page="1")


def _open(name: str, parameters: dict[str, list[str]]) -> None:
    write_address(replace(read(parameters)[0], view=name, page="1"))
    st.session_state[_NAME] = name


def _set_columns() -> None:
    chosen = tuple(st.session_state["view_columns"])
    write_address(replace(read_address(), column=chosen))


def _save(store: Store, name: str, filters: Filters) -> None:
    parameters = {
        key: [value] if isinstance(value, str) else value
        for key, value in _content(filters).parameters().items()
    }
    try:
        kept = save_view(store, _typed() or name, parameters, author=reviewer())
    except DirectorError as error:
        st.session_state[_MESSAGE] = f"Not saved: {error}."
        return
    write_address(replace(filters, view=kept))
    st.session_state[_MESSAGE] = f"Saved as {kept}; the address of this page opens it."


def _rename(store: Store, name: str, filters: Filters) -> None:
    try:
        kept = rename_view(store, name, _typed())
    except DirectorError as error:
        st.session_state[_MESSAGE] = f"Not renamed: {error}."
        return
    write_address(replace(filters, view=kept))


def _delete(store: Store, name: str, filters: Filters) -> None:
    try:
        delete_view(store, name)
    except DirectorError as error:
        st.session_state[_MESSAGE] = f"Not deleted: {error}."
        return
    write_address(replace(filters, view=""))
    st.session_state[_NAME] = ""


def _typed() -> str:
    return str(st.session_state.get(_NAME) or "")
