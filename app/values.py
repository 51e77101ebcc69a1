"""The kinds of values that settings have; each refuses what cannot be meant with half a sentence."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from limits import parse_many
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from services.calls.model import PORTS_OF_CALL
from services.operations.retention import bounds_of

MONGO_FORM = "write it like mongodb://user:password@host:27017/?replicaSet=rs0"
REDIS_FORM = "write it like redis://:password@host:6379/0"
HOST_FORM = "write it like 203.0.113.7 or rtp.example.com, without a scheme and a port"
# A last part of digits makes it an IPv4 address, which is looked at as such.
HOST_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_-]*[a-z_][a-z0-9_-]*\.?", re.I)
LONGEST_HOST_NAME = 253
PORTS = {"http": 80, "https": 443}
NOT_IN_A_DATABASE_NAME = re.compile(r"[/\\. \"$*<>:|?\x00]")
QUOTES = "\"'`“”‘’"
LONGEST_DATABASE_NAME = 63
MOST_PORTS = 4000
CALLS_LIE = "the audio of calls lies in MongoDB, sealed, until it is transcribed, and is then gone"
MONGOS_OWN = frozenset({"admin", "config", "local"})


def plain(value: object) -> object:
    """Text without the white space around it, and without a carriage return that a file of Windows leaves."""
    if isinstance(value, SecretStr):
        return SecretStr(str(plain(value.get_secret_value())))
    if not isinstance(value, str):
        return value
    value = value.strip().strip("\ufeff")
    if len(value) > 1 and value[0] in QUOTES and value[-1] in QUOTES:
        raise ValueError("is in quotes, which would be part of it: write it without them")
    if any(ord(character) < ord(" ") or character == "\x7f" for character in value):
        raise ValueError("has a line break or another control character in it")
    return value


def _ports(text: str) -> str:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) <= 65535):
        raise ValueError("are no ports: write them like 40000-40199, from 1024 to 65535")
    even = int(first) + int(first) % 2
    if int(last) - even + 1 < PORTS_OF_CALL:
        raise ValueError("are too few: each call takes four, the first of them even")
    if int(last) - int(first) >= MOST_PORTS:
        raise ValueError(f"are too many: one process takes in {MOST_PORTS} at most")
    return text


def _host(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        if not HOST_NAME.fullmatch(text) or len(text) > LONGEST_HOST_NAME:
            raise ValueError(f"is {text}, which is no address of a machine: {HOST_FORM}") from None
    return text


def _reached(text: str) -> str:
    if text in ("0.0.0.0", "::"):  # noqa: S104 — it is refused here
        raise ValueError(f"is {text}, to which nothing can be sent: set it to the address by which senders find it")
    return _host(text)


def _call_store(text: str) -> str:
    if text.lower() != "gridfs":
        raise ValueError(f"is {text}, which cannot be met: {CALLS_LIE}. Leave it out, or write gridfs")
    return text.lower()


def _no_path(text: str) -> str:
    raise ValueError(f"is set, which cannot be met: {CALLS_LIE}. Leave it out")


def _one_word(text: str) -> str:
    if any(character.isspace() for character in text):
        raise ValueError("has white space in it")
    return text


def _secret(secret: SecretStr) -> SecretStr:
    _one_word(secret.get_secret_value())
    return secret


def _header(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isascii():
        raise ValueError("has a character in it that no HTTP header can carry: is it the right one?")
    return _secret(secret)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _split(url: str, form: str) -> SplitResult:
    try:
        split = urlsplit(_one_word(url))
        _ = split.port
    except ValueError:
        raise ValueError(f"is no address: {form}") from None
    return split


def _http(url: str) -> str:
    split = _split(url, "write it like https://host/path")
    if split.scheme not in PORTS or not split.hostname:
        raise ValueError("is no address of the web: write it like https://host/path")
    return url


def _mongodb(url: str) -> str:
    if not _one_word(url).startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError(f"is no address of MongoDB: {MONGO_FORM}")
    if url.startswith("mongodb://"):  # the other one asks the name server
        try:
            parse_uri(url, warn=False)
        except (PyMongoError, ValueError):
            form = f"{MONGO_FORM}, with what is special in the password as %xx"
            raise ValueError(f"is no address that MongoDB's driver can read: {form}") from None
    return url


def _redis(url: str) -> str:
    split = _split(url, REDIS_FORM)
    if split.scheme not in ("redis", "rediss") or not split.hostname:
        raise ValueError(f"is no address of Redis or Valkey: {REDIS_FORM}")
    if not re.fullmatch(r"/?\d*", split.path):
        raise ValueError(f"names a database that is no number: {REDIS_FORM}")
    return url


def _database(name: str) -> str:
    if name in MONGOS_OWN:
        raise ValueError("is a database that MongoDB keeps for itself: choose another name")
    if NOT_IN_A_DATABASE_NAME.search(name) or len(name.encode()) > LONGEST_DATABASE_NAME:
        raise ValueError("is no name that MongoDB takes for a database")
    return name


def _origins(text: str) -> str:
    """As browsers write them: in small letters, without the scheme's own port, without anything after the host."""
    return ",".join(_origin(origin.strip()) for origin in text.split(",") if origin.strip())


def _origin(text: str) -> str:
    if text == "*":
        return text
    form = f"holds {text!r}, which is no origin: write it like https://app.example.com, without a path"
    split = _split(text, form)
    if split.scheme not in PORTS or not split.hostname or split.path.strip("/") or split.query or split.username:
        raise ValueError(form)
    host = split.hostname if ":" not in split.hostname else f"[{split.hostname}]"
    port = "" if split.port in (None, PORTS[split.scheme]) else f":{split.port}"
    return f"{split.scheme}://{host.encode('idna').decode() if not host.isascii() else host}{port}"


def _rate(text: str) -> str:
    form = "is no rate: write it like 120/minute, or leave it empty for no limit"
    try:
        rates = parse_many(text) if text else []
    except ValueError:
        raise ValueError(form) from None
    if len(rates) > 1 or any(rate.amount < 1 for rate in rates):
        raise ValueError(form)
    return text


def _days(text: str) -> str:
    bounds_of(text, "")
    return text


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("begins with a ~ of which no home is known: write the whole path") from None


Secret = Annotated[SecretStr, AfterValidator(_secret)]
HeaderSecret = Annotated[SecretStr, AfterValidator(_header)]
CallStore = Annotated[str, AfterValidator(_call_store)]
NoPath = Annotated[str, AfterValidator(_no_path)]
Ports = Annotated[str, AfterValidator(_ports)]
Host = Annotated[str, AfterValidator(_host)]
HostToReach = Annotated[str, AfterValidator(_reached)]
Word = Annotated[str, AfterValidator(_one_word)]
Choice = BeforeValidator(_lower)
HttpUrl = Annotated[str, AfterValidator(_http)]
MongoUrl = Annotated[str, AfterValidator(_mongodb)]
RedisUrl = Annotated[str, AfterValidator(_redis)]
DatabaseName = Annotated[str, AfterValidator(_database)]
Origins = Annotated[str, AfterValidator(_origins)]
Rate = Annotated[str, AfterValidator(_rate)]
Days = Annotated[str, AfterValidator(_days)]
Folder = Annotated[Path, AfterValidator(_home)]


def shown(value: Any) -> str:
    """A value for people's eyes: of a secret only that it is set, of an address nothing that logs in."""
    if isinstance(value, SecretStr):
        return "set"
    text = str(value)
    if "://" not in text or "," in text.partition("://")[0]:
        return text
    scheme, _, rest = text.partition("://")
    hosts, slash, path = rest.partition("?")[0].rpartition("@")[2].partition("/")
    return f"{scheme}://{hosts}{slash}{path}"
