"""/api/uploads: each request goes to the protocol that it speaks."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.routing import APIRoute

from routes.dependencies import Asker, Needs, Services, UploadSlot
from routes.resumable import draft, tus
from routes.resumable.asking import APPENDING, BEGINNING, DELETING, FINDING, FINDING_OFFSET, TELLING
from routes.resumable.draft_headers import Draft
from routes.resumable.limits import limits_of
from routes.resumable.schemas import UploadShown, UploadsShown
from routes.resumable.telling import told_by_tus
from routes.resumable.tus_protocol import speaks_tus
from routes.slices_heard import slices_heard
from services.errors import Problem
from services.interviews.model import ID_PATTERN, PartId

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Told(APIRoute):
    """A route whose problems are told as the protocol of the request has them told."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                services: Services = request.app.state.services
                if speaks_tus(request.headers):
                    return await told_by_tus(request, problem, limits_of(services))
                if request.method == "GET":
                    raise
                viewer = getattr(request.state, "viewer", None)
                return await draft.told(request, problem, limits_of(services), viewer, services)

        return told


router = APIRouter(prefix="/api/uploads", tags=["resumable uploads"], route_class=Told)

# A list of more slices is put together beside the loop: of the most it takes a second and more.
MANY = 1000
# Clients of tus are given addresses with a slash at their end as often as without, and follow no redirect of a POST.
SLASHED = "/"

UploadPath = Annotated[PartId, Path(pattern=ID_PATTERN, description="The upload's id.")]


@router.options(SLASHED, status_code=204, include_in_schema=False)
@router.options("", status_code=204, operation_id="describeUploads", responses=TELLING)
async def describe_uploads(services: Needs) -> Response:
    """Which version and extensions of tus there are, and how large an upload may be."""
    return Response(status_code=204, headers=tus.described(limits_of(services)))


@router.options("/{upload_id}", status_code=204, operation_id="describeUpload", responses=TELLING)
async def describe_upload(upload_id: UploadPath, services: Needs) -> Response:
    """The same for one upload."""
    limits = limits_of(services)
    return Response(status_code=204, headers=tus.described(limits) | draft.described(limits))


@router.post(SLASHED, status_code=201, response_class=Response, include_in_schema=False)
@router.post("", status_code=201, operation_id="createUpload", response_class=Response, **BEGINNING)
async def create_upload(request: Request, viewer: Asker, services: Needs, slot: UploadSlot) -> Response:
    """Begin an upload by tus; what comes in the body is its beginning."""
    return await tus.create(request, viewer, services, slot, limits_of(services))


@router.get("", operation_id="listUploads", responses=FINDING)
async def list_uploads(viewer: Asker, services: Needs) -> UploadsShown:
    """Your own uploads that are arriving; calls are told of by themselves."""
    found = await services.arrivals.arriving(viewer)
    return UploadsShown(uploads=[UploadShown.of(arrival) for arrival in found if arrival.part.call_id is None])


@router.get("/{upload_id}", operation_id="getUpload", response_model=UploadShown, responses=FINDING)
async def get_upload(
    upload_id: UploadPath, request: Request, response: Response, viewer: Asker, services: Needs
) -> UploadShown | Response:
    """How far an upload is, and what it is of; in its headers the same as for HEAD."""
    arrival = await services.arrivals.find(upload_id, viewer)
    response.headers.update(draft.standing(arrival, Draft.of(request.headers), limits_of(services)))
    heard = await slices_heard(arrival, viewer, services)
    if len(arrival.slices) <= MANY:
        return UploadShown.of(arrival, heard)
    shown = await asyncio.to_thread(lambda: UploadShown.of(arrival, heard).model_dump_json())
    return Response(shown, headers=response.headers, media_type="application/json")


@router.head("/{upload_id}", operation_id="getUploadOffset", response_class=Response, **FINDING_OFFSET)
async def get_upload_offset(upload_id: UploadPath, request: Request, viewer: Asker, services: Needs) -> Response:
    """From which byte to go on: 200 for tus, 204 for the IETF's protocol."""
    if speaks_tus(request.headers):
        return await tus.tell(upload_id, viewer, services)
    return await draft.tell(upload_id, request, viewer, services, limits_of(services))


@router.patch("/{upload_id}", status_code=204, operation_id="appendToUpload", response_class=Response, **APPENDING)
async def append_to_upload(upload_id: UploadPath, request: Request, viewer: Asker, services: Needs) -> Response:
    """Send the bytes that follow those that were received: 204; 202 once the IETF's protocol has all."""
    if speaks_tus(request.headers):
        return await tus.append(upload_id, request, viewer, services)
    return await draft.append(upload_id, request, viewer, services, limits_of(services))


@router.delete("/{upload_id}", status_code=204, operation_id="deleteUpload", response_class=Response, **DELETING)
async def delete_upload(upload_id: UploadPath, request: Request, viewer: Asker, services: Needs) -> Response:
    """Give an upload up, with all that was received of it."""
    if speaks_tus(request.headers):
        await services.arrivals.abort(upload_id, viewer)
        return Response(status_code=204)
    return await draft.cancel(upload_id, request, viewer, services)
