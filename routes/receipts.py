"""Deletion receipts, for those whose recordings they are of, and what anybody needs to check them."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, Field

from routes.dependencies import Asker, Needs, Services, SessionPath, address_of
from routes.errors import documented
from services import errors
from services.errors import NotFound
from services.recordings.ports.receipts import ChainId, Receipt
from services.recordings.receipts import hash_of

router = APIRouter(tags=["receipts"])

MOST_AT_ONCE = 500
# A number beyond it can stand in no document.
HIGHEST = 2**63 - 1
A_WHILE = "public, max-age=300"

After = Annotated[int, Query(ge=0, le=HIGHEST, description="Only receipts behind this number of the chain.")]
Limit = Annotated[int, Query(ge=1, le=MOST_AT_ONCE)]


class ReceiptOut(BaseModel):
    """A receipt in its chain."""

    seq: int = Field(description="Its number in the chain of its owner, from 1.")
    chain: str
    id: str = Field(description="The `file_id` of the recording that it is of.")
    receipt: str = Field(description="A compact JWS, typ `deletion-receipt+jwt`, alg `Ed25519`.")


class ReceiptsOut(BaseModel):
    receipts: list[ReceiptOut]
    next: int | None = Field(description="What to ask for as `after` to go on; null where there are no more.")

    @classmethod
    def of(cls, receipts: Sequence[Receipt], limit: int) -> "ReceiptsOut":
        shown = [ReceiptOut(seq=r.number, chain=r.chain, id=r.id, receipt=r.token) for r in receipts]
        return cls(receipts=shown, next=shown[-1].seq if len(shown) == limit else None)


class HeadOut(BaseModel):
    """Where a chain ends now: who keeps this can tell later whether something was cut off."""

    chain: str
    seq: int
    hash: str = Field(description="base64url(sha256(the newest receipt)), as the next one names it in `prev`.")


class JwksOut(BaseModel):
    keys: list[dict[str, str]]


@router.get(
    "/api/sessions/{session_id}/receipts",
    operation_id="listSessionReceipts",
    response_model=ReceiptsOut,
    responses=documented(errors.SessionNotFound, errors.RateLimited),
)
async def session_receipts(
    session_id: SessionPath, viewer: Asker, services: Needs, after: After = 0, limit: Limit = 100
) -> ReceiptsOut:
    """The receipts of a session's deleted recordings, also of takes that no longer show."""
    found = await services.receipts.of_session(session_id, viewer, after, limit)
    if not found:
        await services.interviews.get(session_id, viewer)
    return ReceiptsOut.of(found, limit)


@router.get(
    "/api/receipts",
    operation_id="listReceipts",
    response_model=ReceiptsOut,
    responses=documented(errors.RateLimited),
)
async def receipts(viewer: Asker, services: Needs, after: After = 0, limit: Limit = 100) -> ReceiptsOut:
    """The whole chain of whoever asks, page by page."""
    return ReceiptsOut.of(await services.receipts.of_user(viewer.user_id, after, limit), limit)


async def _counted(request: Request, services: Needs) -> Services:
    """Anybody may ask, and is counted by his address."""
    await services.admission.address(address_of(request))
    return services


Public = Annotated[Services, Depends(_counted)]


@router.get("/.well-known/jwks.json", operation_id="getReceiptKeys", response_model=JwksOut)
async def keys(services: Public, response: Response) -> JwksOut:
    """The public keys by which receipts are verified, retired ones included."""
    response.headers["Cache-Control"] = A_WHILE
    return JwksOut.model_validate(services.receipt_keys)


@router.get(
    "/.well-known/deletion-receipts/{chain}",
    operation_id="getReceiptHead",
    response_model=HeadOut,
    responses=documented(errors.NotFound, errors.RateLimited),
)
async def head(chain: Annotated[str, Path(max_length=64)], services: Public) -> HeadOut:
    """Where this chain of receipts ends now."""
    newest = await services.receipts.newest(ChainId(chain))
    if newest is None:
        raise NotFound
    return HeadOut(chain=newest.chain, seq=newest.number, hash=hash_of(newest.token))
