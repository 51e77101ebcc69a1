"""The upload route that one would otherwise write: FastAPI's UploadFile, read and put into GridFS by the driver.

Run by `uvicorn --factory benchmarks.plain_api:create_app`. It has the same token check, database and write concern as
ours, and nothing else: no record, no session, no hash, no limits, no ring for a worker.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, HTTPException, Request, UploadFile
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from gridfs.asynchronous import AsyncGridFSBucket
from pymongo import AsyncMongoClient

from app.config import Settings
from benchmarks.stack import PLAIN

bearer = HTTPBearer()


def create_app() -> FastAPI:
    settings = Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncMongoClient[dict[str, Any]](settings.mongodb_url, w="majority", journal=True) as client:
            app.state.bucket = AsyncGridFSBucket(client[PLAIN])
            yield

    app = FastAPI(lifespan=lifespan)
    secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""

    def user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
        try:
            claims = jwt.decode(credentials.credentials, secret, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None
        return str(claims["sub"])

    @app.post("/api/upload-answer/{session_id}/{question_id}", status_code=202)
    async def upload_answer(
        session_id: str, question_id: str, audio: UploadFile, request: Request, user: Annotated[str, Depends(user)]
    ) -> dict[str, str]:
        about = {"session_id": session_id, "question_id": question_id, "user_id": user}
        data = await audio.read()
        id = await request.app.state.bucket.upload_from_stream(audio.filename or "", data, metadata=about)
        return {"status": "processing", "file_id": str(id)}

    return app
