"""What the page says of each benchmark, and why a goal is missed where it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    title: str
    run: str
    means: str


TEXTS = {
    "upload": Text(
        "Upload",
        """
        `POST /api/upload-answer`, against two others on the same MongoDB with the same write concern (majority,
        journaled): the driver's own `AsyncGridFSBucket.upload_from_stream` in a process of its own, with no
        HTTP; and the route that one would otherwise write, FastAPI's `UploadFile`, `read()` and the same GridFS
        call (`benchmarks/plain_api.py`), under the same uvicorn options with the same token check. The clients
        hold the bytes in memory and speak over bare sockets. Nobody transcribes meanwhile; the rates are
        counted, with limits that one client cannot reach; five answers make a session, and each session is
        another user's.
        """,
        """
        At 1.0 against the driver, sending a recording through the API costs no more time than putting it into
        the database yourself. The API does more: the form, a hash of the bytes, the owner's check, the rates, a
        record that survives a crash, the session's document, a ring for a worker. That is the same few
        milliseconds for each recording whatever its size, so small files show them and large ones hide them.
        One candidate does not notice. The plain route holds each recording whole in memory and keeps none of
        these promises: a client that hangs up leaves chunks behind, and nothing will ever transcribe what it
        stored when it was killed.
        """,
    ),
    "promises": Text(
        "What each promise costs an upload",
        """
        The same upload to the API as it is, to builds of it that each leave one promise out
        (`benchmarks/without.py`; the product has no such switches), and to the plain route, in turns. Counted is the
        processor time of the server and of MongoDB, which others on the machine disturb less than the clock; a share
        of making sessions, five answers each, is in it. `majority`:
        the primary alone confirms what is written, before it is on its disk. `sealing`: recordings are stored as
        they come. `rates`: nobody counts. `rings`: no worker is told, the sweep finds what is queued. `news`: those
        who wait for an event are not told. `showing`: the session's document does not say that the answer is queued,
        and nobody is told. `record`: there is no record, so nothing is transcribed and nothing survives a crash.
        `all`: none of these; what is left is the number, the owner's check and the stored bytes. An upload without an
        `Idempotency-Key`, as these are, pays nothing for that promise.
        """,
        """
        Under 1.0 is what you would gain by giving the promise up. No single one is what a small upload pays most for:
        it is their sum. The plain route is a form, a token and three commands to the database; ours are five.
        What is left without all of them is about what the plain route takes.
        """,
    ),
    "sealing": Text(
        "Sealed recordings",
        """
        The same house twice, on a MongoDB each, one of them with `ENCRYPT_RECORDINGS=0`: uploads of 0.5 and 5 MB,
        eight at once; recordings of the demo read from MongoDB and decoded by one process; and the demo's answers
        from the upload to the transcript, these also with `RECEIPT_KEYS` against none.
        """,
        """
        At 1.0 it costs nothing that each recording has a key of its own and that each chunk is encrypted and
        checked. What it costs is the cipher, some tenths of a millisecond a megabyte where the processor knows AES.
        """,
    ),
    "proofs": Text(
        "Proofs",
        """
        A chain of 100,000 receipts checked by `python -m scripts.verify_receipts`, beside as many bare Ed25519
        signatures on the same core; sessions of a hundred transcribed answers erased through the API of a stack
        whose engine answers at once, while MongoDB's own profiler counts the product's commands; then every file of
        that stack, and each write in MongoDB's log, is looked through for pieces of the recordings.
        """,
        """
        Checking is one signature, one hash and some JSON for each receipt. `plain sound found afterwards` is what an
        operator's copies of files and logs have kept as it was spoken: nothing, since nothing is ever written so; the
        same search finds it where recordings are not sealed (`ENCRYPT_RECORDINGS=0`).
        """,
    ),
    "memory": Text(
        "A thousand slow uploads at once",
        """
        A thousand uploads of 8 KB/s each (what a recorder at 64 kbit/s gives), begun over 20 s and kept at a
        thousand for 30 s more: when one is accepted, the next begins. The memory is the highest resident memory
        of the API process in each, less what it took before the first, divided by a thousand. Another client asks 25
        times a second for the status of an answer meanwhile; before, in the same round, it did so with no uploads.
        """,
        """
        Multiply the memory by the candidates who may be uploading at one moment. The size of the recordings
        does not matter, for only the piece in hand is held. The ratio of the polls says whether those who wait
        for a result notice that a thousand others are sending.
        """,
    ),
    "pipeline": Text(
        "Pipeline",
        """
        The demo's spoken answers again and again, uploaded over HTTP, transcribed by Celery workers with the
        local engine, the audio deleted; against the same decoder, voice detection and engine on the same files
        in bare processes with the same threads: one process with all cores, or two with one thread each. The
        time after the engine's last word runs from the worker's log line to the moment when a listener on the
        database sees the answer `completed`; the same writes, done bare on an idle machine, are taken off.
        """,
        """
        At 1.0 the house around the engine costs nothing, and the only way to more answers a minute is a faster
        engine or another worker. The time after the last word is what a candidate waits beyond the
        transcription itself.
        """,
    ),
    "hosted": Text(
        "Hosted engine",
        """
        One worker process with 64 transcriptions in flight against a speech API on loopback that takes 5 s for
        each call. The throughput is counted between the first full house and the last call that began; ideal
        are 64 calls every 5 s. The memory is that of the worker and all its children at the peak, less that
        when idle.
        """,
        """
        One worker process on a small machine keeps 64 calls waiting at the provider. More processes add as many
        each.
        """,
    ),
    "growth": Text(
        "Growth",
        """
        The use cases on three databases of one MongoDB: one with 100 sessions and 10 waiting answers, one with
        100,000 sessions (three transcribed and scored answers each), one with 10,000 waiting answers of 3,334
        users. Answers take turns between two of them: upload (20 KB, all but HTTP), status, claim, and a whole
        sweep. Each figure is the ratio of the medians of a round.
        """,
        """
        At 1.0 a year of interviews, or a backlog of a day, makes the next answer no dearer.
        """,
    ),
    "listeners": Text(
        "Event streams",
        """
        Two thousand event streams of one API process over 200 sessions, held open by a client process. Another
        connection to the database changes one answer in each of the 200 sessions at once, as a worker does, and
        announces it; the time runs until the last of the two thousand has its event. The same number of changes
        in sessions to which nobody listens take turns with it. The memory is that of the API process with all
        streams open, less what it took with one, divided by two thousand.
        """,
        """
        Multiply the memory by the candidates whose pages are open at one moment. The ratio says how much later
        than the database the last of them knows.
        """,
    ),
    "recorders": Text(
        "A thousand recorders on WebSockets",
        """
        A thousand sockets at `/ws/audio/{session}` of one API process, each sending 6 KB a second for a minute, at a
        moment of its own within the second; nobody transcribes. An acknowledgement is timed from the frame's sending
        to the `ack` that covers it, after a majority and the journal have it. The memory is the highest resident
        memory of the API process meanwhile, less what it took before the sockets were opened, divided by a thousand.
        Another client asks 25 times a second for the status of an answer; before, it did so with no recorders.
        """,
        """
        The p99 is what a browser must hold back, in case it dies, of what its candidate has said. Multiply the memory
        by the candidates who record at one moment.
        """,
    ),
    "pieces": Text(
        "Pieces of recordings",
        """
        Recordings of 6 KB a second, a piece each second, sent as fast as each piece is acknowledged: through the use
        case (`services/recordings/arrivals.py`) and by `insert_one` of the same documents with the same unique index,
        both in one process with one client of the driver, majority and journal. 16 recorders at once, and 1,000.
        """,
        """
        What a piece costs beyond its being durable: the look whether its recording goes on, and making chunks of
        pieces. Pieces that wait share an insert, so that with many recorders there are fewer inserts than pieces, and
        more than 1.0 is possible.
        """,
    ),
    "resuming": Text(
        "A large recording by tus",
        """
        50 MB, begun at `/api/uploads` with their length and sent in ten requests of 5 MB, one after the other, against
        one ordinary upload of the same size to the same API, in turns.
        """,
        """
        What going on after a break costs those who have a good line.
        """,
    ),
    "live": Text(
        "Listening while it arrives",
        """
        About a minute of the demo's answers and of recorded speech with pauses, as WebM with a cluster each
        second, sent by tus as it is spoken. How much is unread when it ends is chance, so the rounds' ends are
        spread evenly over the 15 s that a stretch may have. Beside it the same recording uploaded in one go,
        to the same stack with one worker and tiny.en, in turns; its processor time is counted for as long as
        the talk lasts in both, as an idle worker takes some too. With `--wide` also base, ten minutes, fed
        eight times as fast, and interim text: a listener on the event stream of a stack with `INTERIM_TEXT`,
        to which a minute is spoken; of each word, how long after its end it was shown first, at its place, by
        an interim text or an utterance. When it was spoken is what the same engine finds in the whole
        recording. A recorder's pieces are a second long, so that a word waits half a second before it is sent.
        `python -m benchmarks.live` takes any length, speed and model, `python -m benchmarks.interim_text` any
        model. And how many may speak at once: each sends a piece a second for 75 s; so many are borne where in
        the last 25 s no more than 5 % of the looks, one a second at each, find more than 21.5 s received and
        not settled, which is 6 s beyond a whole stretch. The first number follows from how fast what waits is
        read, the next ones lie between what was borne and what was not; three minutes a model, or `python -m
        benchmarks.live_speakers --seconds`. The peer is `whisper-streaming` 0.1.0 (local agreement of two
        readings, its buffer cut to 15 s) in a process of one thread for each core, whose speakers share a
        model, on the same talks and under the same bound; it is fed by the clock, without HTTP, containers or
        a database, and settled is what it commits.
        """,
        """
        How soon the transcript is there once the last byte, and once the last sound, has come; what stretches cost in
        processor time, and in words.
        """,
    ),
    "long": Text(
        "Hours of sound",
        """
        Four hours of Opus, uploaded in one go to a stack with one worker; in the place of the engine stands a
        speech API on loopback that answers at once, so that no model's memory or time is in any figure, and the
        stretches are found, packed and settled as ever. What the worker and its decoding processes hold
        (proportional set size) is looked at twice a second; the slope is that of the means at each settled
        stretch. Then two hours, once undisturbed and once with the worker killed (SIGKILL) while the speech API
        has the stretch behind nine tenths: how much more sound it was given, at worst a whole stretch. `python
        -m benchmarks.long_worker memory` and `killed` take another length, and with `--model` a real one, of
        which the processor time that was spent again is told.
        """,
        """
        Whether a worker may be left alone with recordings of any length, and what its death costs near their end.
        """,
    ),
    "calls": Text(
        "Calls with two sides",
        """
        RTP of a sender of our own in virtual time, whose network holds packets up by 30 to 70 ms, loses 3 %, reorders
        2 % and doubles 1 %. Ten minutes of noise in syllables from two senders whose clocks are 100 ppm fast and
        slow, coded by libopus at 24 kbit/s in frames of 20 ms, decoded again from what is stored, and laid over the
        original by cross-correlation at every minute. The time that a core needs for 30,000 packets, with their
        pages. What 50 calls of two sides hold. Calls at once: a receiver with a core of its own, to which a process
        sends the packets of ever more calls by UDP, 50 a second for each side, while the pages are stored; the most
        of which every packet that was sent was counted, with what the receiver took for 50 of them. The words of
        spoken clips (the demo's answers where no folder of speech was given), after a call that lost so many packets,
        with tiny.en; each clip is a side of its own.
        """,
        """
        Whether one may read off the two sides who spoke when, and how long an answer was waited for; how many calls
        one process takes in, and what each costs; and what a bad line costs a transcript.
        """,
    ),
    "turns": Text(
        "Turns",
        """
        Calls of four sentences of the demo's answers, a voice on each side, put together with gaps between −0.6 s (both
        speak) and 2.5 s, coded as one Ogg Opus file with two channels and gone through as a worker does it: each
        channel alone, voice activity, tiny.en with times of words, turns. What is told is compared with where the
        sentences were put, to the sample.
        """,
        """
        How far one may trust when a turn began, and how long an answer was waited for. A latency has two ends, the
        question's and the answer's, so that it misses by more than a start does.
        """,
    ),
    "engine": Text(
        "Local engine",
        """
        Our whole listening as a worker does it (voice activity, engine with times of words, gaps read again)
        beside `faster_whisper.WhisperModel.transcribe` on the same weights (int8) and files: by its default (a
        beam of five, the text before as prompt, its voice filter on) and greedy (beam 1). The speakers are in
        two halves that share none; the engine's shape was first looked for on both and then chosen on other
        speakers. The demo's two voices, which are synthetic, are apart. Single clips, and recordings of 1 to 3
        minutes made of one speaker's clips in several orders, with pauses of 0.3 to 1.2 s of quiet noise. Pairs
        of clips of 2 to 9 s with gaps of 0, 0.3, 1 or 3 s: one is lost where less than 40 % of a clip's words
        of more than three letters are in the text of both; counted are pairs of which ours or the default reads
        both clips alone. Sounds without speech (noises, hum, typing, chords, breath, babble 30 dB below full
        scale, rings, keypads, silence), and a clip of 2 to 3 s in a minute of each, 0 to 20 dB above it; it is
        found where half of its words are in the text. All sounds, pairs and orders are the same in each run.
        Speed is by the clock, in turns: ours with four recordings in hand for each core, the library one after
        the other with as many threads as cores.
        """,
        """
        How many more answers the same machine transcribes, and whether they are read worse for it. Errors are
        those of ours less those of the default, in points: of so few words half a point is two or three words,
        and under 0.6 either way is noise. A lost sentence is what nobody would notice, for the text reads well
        without it.
        """,
    ),
    "verdicts": Text(
        "Verdicts",
        """
        Recorded clips of known text (the demo's answers where no folder of speech was given), clean and with noise
        20, 10 and 5 dB below them, listened to as a worker does: voice activity, local engine, second reading,
        verdicts. Each word that is heard is right or wrong by the alignment with what was said; words that are left
        out have no place and are not counted. Doubted are segments of `low_confidence` and `suspected_hallucination`.
        The speakers are dealt out to two halves: the bounds were chosen on the first, and what stands under spread
        are the halves, not rounds. Then sounds in which nobody speaks.
        """,
        """
        How far `speech_verdict` may be trusted. In clean speech what is wrong are single words in sentences that are
        read well, which no verdict on a segment finds; the more noise, the more of what is wrong is doubted, and of
        what is right too. Nothing is scored on what is suspected, so the share of right words there is what an
        answer may lose by it.
        """,
    ),
    "languages": Text(
        "Languages",
        """
        The first seconds of recorded speech of known language (the demo's answers where no folder of speech was
        given), 0.3 s from their beginning on, heard by the local engine with base and judged by its rules: where
        any of 100 languages may be spoken; where two may be, the right one and English, German, Spanish or French;
        where the right one is also the question's own. The speakers are dealt out to two halves; what stands
        under spread are the halves, not rounds.
        """,
        """
        How much an answer of one word gains by a session that says which languages may be spoken. Where any may
        be, a language that is taken wrongly is told by its verdict, `low_confidence`, most of the time.
        """,
    ),
    "peers": Text(
        "Peers",
        """
        The whole house on two processors with tiny.en, from the upload over HTTP to the transcript in the
        database, beside the library called directly in two processes of one thread, with no HTTP and no
        database, and beside `faster-whisper-server` with two processes of one thread, installed for the
        occasion. All get the same WAV files. Then what transcribes is killed with answers in work.
        """,
        """
        What you would get from something else on the same machine. Calling the library yourself leaves the
        queue, the storage, the retries and the deletion to you; a server that is killed leaves its clients with
        nothing.
        """,
    ),
}

# The first whose words begin the name of a missed result is given as the reason.
REASONS = {
    "upload and a plain route": """
    The plain route writes the chunks and the file. Ours also counts the take, keeps a record, queues it and shows
    the answer, and looks at rates and backlog: these are what makes an accepted answer safe and seen, and they
    cost the same for each recording, some milliseconds.
    """,
    "upload": """
    The driver's client parses no HTTP and no form. The plain route, which promises nothing else either, is
    itself slower than the driver in the same rounds: divide the two ratios. Ours spends some milliseconds more
    on each answer, whatever its size, for owner, rates, number, record, queue and what the candidate sees, and
    only size pays for that. More API processes give more throughput; the ratio is that of one.
    """,
    "pipeline": """
    API, MongoDB, Valkey, sweep and beat share the two cores with the engine, which wants them all. What they
    take is in the note; on a machine where they have a core of their own, nothing of it is taken from the
    engine.
    """,
    "engine, tiny.en, word errors": """
    Long recordings say the few clips of a speaker two and three times, and what is misread in one counts each
    time: five words more of 522 in half A. In the demo's, where a synthetic voice hardly pauses, a window is
    cut in the middle of a word, and parts of it are read twice ("exchange" as "extract change"), which adds
    most of the seven words.
    """,
    "engine, tiny.en, sentences lost": """
    Looked at one by one: in seven it is the same clip of five words, which is there and misheard ("For do I
    hear sick" for "What do I here seek?"), as the default mishears it alone too; in one the last word of a
    sentence is cut short.
    """,
    "engine, tiny.en, short": """
    Measured on a busy machine, so look at the processor time in the note. Both read with a beam of five; ours
    saves padding and reads windows together, and gives some of that back for times of words and for reading
    again what it doubts.
    """,
    "engine, tiny.en, long": """
    Measured on a busy machine, so look at the processor time in the note. Both read with a beam of five; ours
    saves padding and reads windows together, and gives some of that back for times of words and for reading
    again what it doubts.
    """,
    "tus": """
    Each piece is a request, which waits until a majority has it, and so for the disk ten times where an ordinary
    upload does once; see the notes on recordings in pieces.
    """,
    "live, last byte": """
    What is left to read is a stretch of up to 15 s, in one window on one core: 0.1 to 0.5 s for the engine, 0.1 for
    decoding and voice, 0.1 for all else. Fed eight times as fast, a stretch is due every second or two: as the last
    byte comes one is being read, and what is left is read behind it. In two windows on two cores it would be a third
    sooner and hear less: see the notes on recordings that are listened to while they arrive.
    """,
    "live, processor": """
    A window that is read alone takes a quarter more of the engine than one of two that are read together, and two
    fifths more than one of four, as they are in one go where a recording is long; each stretch besides begins a
    decoding process and asks the database some dozen times.
    """,
    "status polls among recorders": """
    API, database, a thousand clients and the one who polls share two cores. At the 99th percentile a turn of the
    API's loop takes 2 to 3 ms and the look for a session 5; a poll waits for several turns and that look, one after
    the other, at rest 4 ms in all. See the notes on recordings in pieces.
    """,
    "verdicts": """
    A verdict is on a sentence. In little noise the wrong words are single ones in sentences that are read well, and in
    loud noise the right ones stand in sentences that are not: bounds that find more of the one doubt more of the other.
    docs/verdicts.md shows by how much.
    """,
    "hosted engine, throughput": """
    Decoding, listening for speech and packing take processor time for each answer, and two cores hold API,
    MongoDB and worker.
    """,
}
UNKNOWN_REASON = "The reason is not known yet."


def text_of(benchmark: str) -> Text:
    found = TEXTS.get(benchmark, Text(benchmark.capitalize() or "Others", "", ""))
    return Text(found.title, _flat(found.run), _flat(found.means))


def reason_of(name: str) -> str:
    return _flat(next((why for start, why in REASONS.items() if name.startswith(start)), UNKNOWN_REASON))


def _flat(words: str) -> str:
    return " ".join(words.split())
