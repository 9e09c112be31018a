"""Airflow's login, for the page: users without a valid session of Airflow see nothing.

Airflow protects its own pages only. What a plugin serves is open to everybody unless the plugin checks the session.
"""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from retail_quality.access import NotSignedIn

_bearer = HTTPBearer(auto_error=False)


async def signed_in(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None
) -> None:
    """Let pass whoever may see Airflow's own pages, by cookie or token. Raises NotSignedIn, or 403."""
    try:
        user = await get_user(request, None, bearer)
    except HTTPException as error:
        raise NotSignedIn from error
    if not get_auth_manager().is_authorized_view(access_view=AccessView.WEBSITE, user=user):
        raise HTTPException(
            403, "Your account may not see Airflow's pages. An administrator has to give it the role Viewer."
        )
