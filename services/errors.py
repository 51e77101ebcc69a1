"""Problems that can be named.

Problem
  Unauthenticated        no valid token
  KeysUnavailable        whether a token is valid cannot be told now (retryable)
  Forbidden              a valid token that does not suffice
    CallsOff             no calls are taken in here
  IdempotencyKeyInvalid  not 1 to 255 visible ASCII characters
  IdempotencyMismatch    the key was used for another request
  TooMuch                more than one user or address may have (retryable)
    RateLimited          too many requests within the time
    TooManyUploads       too many uploads at once
    TooMuchQueued        too many minutes of recordings wait
    TooManyListeners     too many open event streams
    TooManyMicrophoneTests  a user's last test is not over yet
    TooManyBodies        too many requests whose bodies are still on their way
    TooManyArrivals      too many of a user's recordings are arriving in pieces
    TooMuchArriving      too many bytes of a user's recordings are arriving in pieces
  UploadsSaturated       this process takes no more uploads at once (retryable)
  ListenersSaturated     this process takes no more listeners at once (retryable)
  BodiesSaturated        this process waits for no more bodies at once (retryable)
  ArrivalsSaturated      too many bytes are arriving in pieces, of all users together (retryable)
  StorageShort           the database's disk is nearly full (retryable)
  NobodyListens          no worker takes on a test of a microphone now (retryable)
  NotFound               nothing there, or nothing of yours
    SessionNotFound
      SessionErased        it is no more, and its owner is told so
    QuestionNotFound
    AnswerNotFound
    WebhookNotFound
    DeliveryNotFound
    ErasureNotFound
    UploadNotFound
    CallNotFound
  UploadGone             an upload that was deleted, or has expired
  CallGone               a call that was given up
  TusVersionUnsupported  a request of tus without its version, or of another
  UploadInUse            another request sends to this upload (retryable)
  Conflict               not from here
    SessionExists
    SessionHeld          a legal hold stands in the way
    TooManyWebhooks      a user has as many as are allowed
    QuotaUsedUp          a user has stored as much as is allowed
    NotFailed            only what failed can be tried again
    RecordingGone        nothing is kept that could be tried again
    SameInWork           the same recording waits or is in work
    NotHeld              only what is held can be let go
    NotUnscored          only what no scorer could be had for can be scored anew
    NotInWork            only what waits or is in work can be failed
    TakeSuperseded       a newer recording was accepted meanwhile
    OffsetMismatch       the upload has received more, or less
    UploadTakenOver      a newer request sends to this upload
    UploadComplete       the upload is finished, and takes nothing more
    CallOver             the call has ended, and takes nothing more
    ConversationPending  not all of the call is transcribed yet (retryable)
    CallTakenOver        a newer connection brings this side of the call
    SliceDiffers         another slice of this number was received
    AnswerDiffers        another answer was named for this recording
    SentByNumber         bytes by offset for a recording that comes in slices
    SlicesMissing        slices before the last one are not there
    IdempotencyInFlight  the first request with this key is not answered yet (retryable)
  UploadProblem          the request's body is not an upload
    UploadMalformed      no multipart body, or a broken one
    UploadTruncated      it ends before it is over
    UploadStalled        it stopped arriving
    AudioFieldMissing    no file in the field `audio`
    TooManyFiles         more than one file
    AudioEmpty           a file of no bytes
    AnswerUnnamed        not said which answer it is of
    MessageInvalid       a message on a recorder's socket that means nothing
    UploadHeaderInvalid  a header that says how an upload goes on is missing, or says nothing
    UploadMetadataInvalid  not said of which answer it is, or not so that it can be read
    ChecksumUnknown      a sum of a kind that is not known here
    ConcatenationRefused an upload that would be made of others
    DraftUnsupported     of a version of the protocol that is not spoken any more
    ChecksumMismatch     the bytes that came are not those that were summed
    LengthInconsistent   not as long as was said
    SliceInvalid         a slice that cannot be one of a recording
    CallMessageInvalid   a message on a call's socket that means nothing
    CallSidesMissing     a call of which no side would come
  TooLargeToCheck        more bytes under one checksum than are held
  AudioTooLarge          over the cap in bytes
  BodyTooLarge           a request of another kind, over its cap
  BodyStalled            its body did not arrive in time
  NotAudio               no known audio container
  UploadTypeRefused      bytes of an upload, called something else
  WebhookUrlRefused      nothing is sent to such an address
  StoreUnavailable       the database did not answer, or did not confirm a write (retryable)
    KeyringUnavailable   the keys of recordings cannot be read, or are not this database's (retryable)
  TranscriptionProblem   what ends or delays a transcription
    RecordingAtFault     what is wrong is the recording itself; nothing else lets go of one that failed
      AudioUnreadable    it is not sound, and never will be
      AudioTooLong       more seconds than the cap
    AudioMissing         the recording is gone
    AudioKeyGone         the key of its epoch is gone, so that nobody can read it
    AudioSealBroken      what is stored is not what was sealed
    EngineUnavailable    try again (retryable)
      EngineBusy         try again later (retryable)
      EngineTimeout      no answer before the deadline (retryable)
    EngineRefused        the engine will not take it as things are set
    WorkerLost           its workers died as often as is allowed
    FailedByOperator     an operator ended it
  ScorerUnavailable      try again (retryable)
    ScorerBusy           try again later (retryable)
"""

from typing import ClassVar


class Problem(Exception):
    """Something that has a name, a sentence for a person, and maybe a second chance."""

    code: ClassVar[str] = "problem"
    sentence: ClassVar[str] = "Something went wrong."
    retryable: ClassVar[bool] = False

    def __init__(self, sentence: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(sentence or self.sentence)
        self.retry_after = retry_after


class Unauthenticated(Problem):
    code = "unauthenticated"
    sentence = "Send a valid token as 'Authorization: Bearer <token>'."


class KeysUnavailable(Problem):
    code = "keys_unavailable"
    sentence = "Tokens cannot be checked at the moment: the identity provider's keys could not be read. Try again."
    retryable = True


class Forbidden(Problem):
    code = "forbidden"
    sentence = "This token does not allow that."


class CallsOff(Forbidden):
    code = "calls_off"
    sentence = "No calls are taken in here: AUDIO_CACHE_ENABLED is off. Upload a recording instead."


class IdempotencyKeyInvalid(Problem):
    code = "idempotency_key_invalid"
    sentence = "An Idempotency-Key has 1 to 255 visible ASCII characters."


class IdempotencyMismatch(Problem):
    code = "idempotency_mismatch"
    sentence = "This Idempotency-Key was used for another request. Take a new key for a new request."


class TooMuch(Problem):
    code = "too_much"
    sentence = "That is more than is allowed. Try again later."
    retryable = True


class RateLimited(TooMuch):
    code = "rate_limited"
    sentence = "Too many requests. Try again after the seconds that `Retry-After` names."


class TooManyUploads(TooMuch):
    code = "too_many_uploads"
    sentence = "You have too many uploads in flight. Try again when one of them is done."


class TooMuchQueued(TooMuch):
    code = "too_much_queued"
    sentence = "Too many minutes of your recordings still wait to be transcribed. Try again later."


class TooManyListeners(TooMuch):
    code = "too_many_listeners"
    sentence = "You have too many event streams open. Close one, or poll."


class TooManyBodies(TooMuch):
    code = "too_many_bodies"
    sentence = "Too many of your requests are in flight whose bodies are not there yet. Send fewer at once."


class TooManyMicrophoneTests(TooMuch):
    code = "too_many_microphone_tests"
    sentence = "Another test of your microphone is not over yet. Wait for its answer."


class UploadsSaturated(Problem):
    code = "uploads_saturated"
    sentence = "Too many uploads arrive at the moment. Try again shortly."
    retryable = True


class ServerLeaving(Problem):
    code = "server_leaving"
    sentence = "This server stops. Send the recording again; another one takes it."
    retryable = True


class ListenersSaturated(Problem):
    code = "listeners_saturated"
    sentence = "Too many event streams are open at the moment. Try again shortly, or poll."
    retryable = True


class BodiesSaturated(Problem):
    code = "bodies_saturated"
    sentence = "Too many requests arrive at the moment. Try again shortly."
    retryable = True


class TooManyArrivals(TooMuch):
    code = "too_many_arrivals"
    sentence = "Too many of your recordings are arriving. Finish or delete one of these uploads first."


class TooMuchArriving(TooMuch):
    code = "too_much_arriving"
    sentence = "Too many bytes of your recordings are arriving. Finish or delete one of these uploads first."


class ArrivalsSaturated(Problem):
    code = "arrivals_saturated"
    sentence = "Too many recordings are arriving at the moment. What has arrived is kept; go on a little later."
    retryable = True


class StorageShort(Problem):
    code = "storage_short"
    sentence = "There is no room for more at the moment. What has arrived is kept; go on a little later."
    retryable = True


class NobodyListens(Problem):
    code = "nobody_listens"
    sentence = "Nobody can listen to your microphone at the moment. Try again shortly; answers are taken all the same."
    retryable = True


class NotFound(Problem):
    code = "not_found"
    sentence = "There is nothing here."


class SessionNotFound(NotFound):
    code = "session_not_found"
    sentence = "There is no such session. Check the id, and that the token is its owner's."


class SessionErased(SessionNotFound):
    code = "session_erased"
    sentence = "This session was erased, with everything that belonged to it."


class QuestionNotFound(NotFound):
    code = "question_not_found"
    sentence = "This session has no such question."


class AnswerNotFound(NotFound):
    code = "answer_not_found"
    sentence = "This question has no answer yet."


class WebhookNotFound(NotFound):
    code = "webhook_not_found"
    sentence = "There is no such webhook. Check the id, and that the token is its owner's."


class DeliveryNotFound(NotFound):
    code = "delivery_not_found"
    sentence = "This webhook has no such delivery; they are kept for 30 days, or as long as the operator says."


class ErasureNotFound(NotFound):
    code = "erasure_not_found"
    sentence = "There is no such erasure. Check the id, and that the token is of whom it concerns."


class UploadNotFound(NotFound):
    code = "upload_not_found"
    sentence = "There is no such upload. Check the address, and that the token is its owner's."


class CallNotFound(NotFound):
    code = "call_not_found"
    sentence = "There is no such call."


class UploadGone(Problem):
    code = "upload_gone"
    sentence = "This upload was deleted, or has expired. Begin a new one."


class CallGone(Problem):
    code = "call_gone"
    sentence = "This call was given up, and nothing of it is kept. Begin a new one."


class TusVersionUnsupported(Problem):
    code = "tus_version_unsupported"
    sentence = (
        "Send 'Tus-Resumable: 1.0.0', the version of tus that is spoken here. "
        "Other resumable uploads name themselves by 'Upload-Complete', and begin at /api/upload-answer."
    )


class UploadInUse(Problem):
    code = "upload_in_use"
    sentence = "Another request is sending to this upload. Try again shortly."
    retryable = True


class Conflict(Problem):
    code = "conflict"
    sentence = "That is not possible in the present state."


class SessionExists(Conflict):
    code = "session_exists"
    sentence = "There is a session of this id already."


class SessionHeld(Conflict):
    code = "session_held"
    sentence = "This session is under a legal hold. Nothing of it may be erased before an operator lifts that."


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"
    sentence = "You have as many webhooks as are allowed. Delete one first."


class QuotaUsedUp(Conflict):
    code = "quota_used_up"
    sentence = "Your sessions take as much room as is allowed. Ask the operator of this service for more."


class NotFailed(Conflict):
    code = "not_failed"
    sentence = "This answer has not failed. Only a failed answer can be retried."


class RecordingGone(Conflict):
    code = "recording_gone"
    sentence = "The recording of this answer is no longer kept. Ask for it to be recorded again."


class SameInWork(Conflict):
    code = "same_recording_in_work"
    sentence = "The same recording of this answer is in work already. Wait for its end."


class NotUnscored(Conflict):
    code = "not_unscored"
    sentence = "Only an answer that has no score because no scorer could be had can be scored anew."


class NotHeld(Conflict):
    code = "not_held"
    sentence = "This session is under no legal hold."


class NotInWork(Conflict):
    code = "not_in_work"
    sentence = "This answer has ended already. Only one that waits or is in work can be failed."


class TakeSuperseded(Conflict):
    code = "take_superseded"
    sentence = "A newer recording of this answer was accepted meanwhile; this one was not kept."


class OffsetMismatch(Conflict):
    """`expected` is how many bytes have been received, `provided` where the request began."""

    code = "offset_mismatch"
    sentence = "The upload has not received just that many bytes. Ask for its offset, and go on from there."

    def __init__(self, expected: int = 0, provided: int = 0) -> None:
        super().__init__(f"The upload has received {expected} bytes, and this request begins at {provided}.")
        self.expected, self.provided = expected, provided


class UploadTakenOver(Conflict):
    code = "upload_taken_over"
    sentence = "A newer request sends to this upload. What this one sent until then is kept."


class UploadComplete(Conflict):
    code = "upload_complete"
    sentence = "This upload is finished, and takes nothing more."


class CallOver(Conflict):
    code = "call_over"
    sentence = "This call, or a side of it, has ended. Erase its session to have all of it forgotten."


class ConversationPending(Conflict):
    code = "conversation_pending"
    sentence = "Not all of this call is transcribed yet. Try again shortly, or ask for JSON, which has what is there."
    retryable = True


class CallTakenOver(Conflict):
    code = "call_taken_over"
    sentence = "A newer connection brings this side of the call. What this one brought until then is kept."


class SliceDiffers(Conflict):
    code = "slice_differs"
    sentence = "Another slice of this number was received already. A slice that is sent again must be the same."


class AnswerDiffers(Conflict):
    code = "answer_differs"
    sentence = "This recording was begun as another answer's. Name that one, or begin a new recording."


class SentByNumber(Conflict):
    code = "sent_by_number"
    sentence = "This recording comes in numbered slices. Send the next one by its number, where it was begun."


class SlicesMissing(Conflict):
    """`indices` are those of the slices that are not there, the first of them where there are many."""

    code = "slices_missing"
    sentence = "Slices of the recording are missing. Send them, then finish it again."

    def __init__(self, indices: tuple[int, ...] = ()) -> None:
        shown = ", ".join(map(str, indices[:20])) + (", …" if len(indices) > 20 else "")
        super().__init__(f"Slices of the recording are missing: {shown}. Send them, then finish it again.")
        self.indices = indices


class IdempotencyInFlight(Conflict):
    code = "idempotency_in_flight"
    sentence = "The first request with this Idempotency-Key is not answered yet. Try again shortly."
    retryable = True


class UploadProblem(Problem):
    code = "upload_problem"
    sentence = "The upload could not be read."


class UploadMalformed(UploadProblem):
    code = "upload_malformed"
    sentence = "Send multipart/form-data with the recording in the field 'audio'."


class UploadTruncated(UploadProblem):
    code = "upload_truncated"
    sentence = "The upload ended before it was complete. Send it again."


class UploadStalled(UploadProblem):
    code = "upload_stalled"
    sentence = "The upload stopped arriving. Send it again."


class AudioFieldMissing(UploadProblem):
    code = "audio_field_missing"
    sentence = "There is no file in the form field 'audio'."


class TooManyFiles(UploadProblem):
    code = "too_many_files"
    sentence = "Send one file, in the form field 'audio'."


class AudioEmpty(UploadProblem):
    code = "audio_empty"
    sentence = "The recording is empty. Record again."


class AnswerUnnamed(UploadProblem):
    code = "answer_unnamed"
    sentence = "Say which answer this is of: session_id, and question_id where the session has several questions."


class MessageInvalid(UploadProblem):
    code = "message_invalid"
    sentence = (
        "Send the recording in binary messages, and as text an object whose `type` is "
        "`end`, `abort` or `chunk_uploaded`."
    )


class UploadHeaderInvalid(UploadProblem):
    code = "upload_header_invalid"
    sentence = "A header of this request is missing, or cannot be read."


class UploadMetadataInvalid(UploadProblem):
    code = "upload_metadata_invalid"
    sentence = (
        "Send 'Upload-Metadata' with `session_id` and `question_id`: each name, a space, and its value in base64."
    )


class ChecksumUnknown(UploadProblem):
    code = "checksum_unknown"
    sentence = "Sums are checked by sha1 and sha256. Send 'Upload-Checksum' with one of these, or without any."


class ConcatenationRefused(UploadProblem):
    code = "concatenation_refused"
    sentence = "A recording is one upload, sent from its beginning to its end: parallel parts of one are not taken."


class DraftUnsupported(UploadProblem):
    code = "draft_unsupported"
    sentence = "Of the drafts of resumable uploads, those of interop versions 6 to 9 are spoken, and the final text."


class ChecksumMismatch(UploadProblem):
    code = "checksum_mismatch"
    sentence = "What arrived is not what the checksum is of. Nothing of it was kept; send it again."


class LengthInconsistent(UploadProblem):
    code = "length_inconsistent"
    sentence = "The recording is not as long as was said before. Its length may be said once, and must be met."


class CallSidesMissing(UploadProblem):
    code = "call_sides_missing"
    sentence = "A call has a side at least: leave out `left`, `right` or both, which then come, and give null for one."


class CallMessageInvalid(UploadProblem):
    code = "call_message_invalid"
    sentence = (
        "Send each RTP packet as a binary message behind one byte, 0 for left or 1 for right, and as text "
        '`{"type": "end", "side": "left"}`, or `right`.'
    )


class SliceInvalid(UploadProblem):
    code = "slice_invalid"
    sentence = "This cannot be a slice of a recording: its number, or its times, are out of bounds."


def size_of(bytes: int) -> str:
    """In the unit that people read: 52,428,800 are 52.4 MB."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if bytes >= 1000**power:
            return f"{bytes / 1000**power:.3g} {unit}"
    return f"{bytes} bytes"


class AudioTooLarge(Problem):
    code = "audio_too_large"
    sentence = "The recording is larger than is allowed."

    @classmethod
    def over(cls, most: int) -> "AudioTooLarge":
        """Larger than so many bytes, in the units in which files are shown."""
        return cls(f"The recording is larger than {size_of(most)}, the most that is taken. Record a shorter answer.")


class TooLargeToCheck(Problem):
    code = "too_large_to_check"
    sentence = "More was sent under one checksum than is held at once. Send smaller pieces, each with its own."

    @classmethod
    def over(cls, most: int) -> "TooLargeToCheck":
        """More than so many bytes."""
        return cls(f"More than {size_of(most)} were sent at once that must be held to be checked. Send smaller pieces.")


class BodyTooLarge(Problem):
    code = "body_too_large"
    sentence = "The request is larger than is allowed. Send less at once."


class BodyStalled(Problem):
    code = "body_stalled"
    sentence = "The request's body did not arrive in time. Send it again."


class NotAudio(Problem):
    code = "not_audio"
    sentence = (
        "This is no audio file that is accepted. "
        "Send WebM, Ogg, WAV, MP3, MP4/M4A/3GP, FLAC, AAC, AMR, CAF, AIFF, AU, W64 or WMA."
    )


class UploadTypeRefused(Problem):
    code = "upload_type_refused"
    sentence = "The bytes of an upload are sent under the media type of its protocol."


class WebhookUrlRefused(Problem):
    code = "webhook_url_refused"
    sentence = "Nothing is sent to this address. Give an https URL whose host has public addresses only."


class StoreUnavailable(Problem):
    code = "store_unavailable"
    sentence = "The database did not answer, or did not confirm a write. Try again."
    retryable = True


class KeyringUnavailable(StoreUnavailable):
    code = "keyring_unavailable"
    sentence = "The keys of recordings cannot be read at the moment. Try again."


class TranscriptionProblem(Problem):
    code = "transcription_failed"
    sentence = "The recording could not be transcribed."


class RecordingAtFault(TranscriptionProblem):
    """Nobody can do anything with such a recording, so that it is not kept."""

    code = "recording_at_fault"
    sentence = "Nothing can be made of this recording. Record again."


class AudioUnreadable(RecordingAtFault):
    code = "audio_unreadable"
    sentence = "The recording could not be decoded as sound. Record again."


class AudioTooLong(RecordingAtFault):
    code = "audio_too_long"
    sentence = "The recording is longer than is allowed. Record a shorter answer."


class AudioMissing(TranscriptionProblem):
    code = "audio_missing"
    sentence = "The recording is no longer stored. Record again."


class AudioKeyGone(TranscriptionProblem):
    code = "audio_key_gone"
    sentence = "The key of the recording is gone, so that nobody can read it any more. Record again."


class AudioSealBroken(TranscriptionProblem):
    code = "audio_seal_broken"
    sentence = "What is stored of the recording is not what was recorded. Record again."


class EngineUnavailable(TranscriptionProblem):
    code = "engine_unavailable"
    sentence = "The speech engine could not be reached or failed."
    retryable = True


class EngineBusy(EngineUnavailable):
    code = "engine_busy"
    sentence = "The speech engine is taking no more work at the moment."


class EngineTimeout(EngineUnavailable):
    code = "engine_timeout"
    sentence = "The speech engine did not answer in time."


class EngineRefused(TranscriptionProblem):
    code = "engine_refused"
    sentence = "The speech engine refuses the recording as things are set. It is kept for an operator."


class WorkerLost(TranscriptionProblem):
    code = "worker_lost"
    sentence = "The workers that took this recording stopped each time before they were done."


class FailedByOperator(TranscriptionProblem):
    code = "failed_by_operator"
    sentence = "An operator ended the work on this recording."


class ScorerUnavailable(Problem):
    code = "scorer_unavailable"
    sentence = "The scorer could not be reached or failed."
    retryable = True


class ScorerBusy(ScorerUnavailable):
    code = "scorer_busy"
    sentence = "The scorer is taking no more work at the moment."
