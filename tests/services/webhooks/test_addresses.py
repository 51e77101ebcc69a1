"""Where a webhook may point to."""

import pytest

from services.errors import WebhookUrlRefused
from services.webhooks.addresses import LONGEST_URL, Target, check_addresses, is_public, target_of

PUBLIC = ["1.1.1.1", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]
INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",  # carrier-grade NAT
    "100.100.100.200",  # a cloud's metadata
    "127.0.0.1",
    "127.1.2.3",
    "168.63.129.16",  # a cloud's own services
    "169.254.169.254",  # metadata
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "224.0.1.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:1.1.1.1",
    "::ffff:0:1.1.1.1",
    "64:ff9b::7f00:1",  # NAT64
    "64:ff9b::1.1.1.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",  # Teredo
    "2001:2::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4
    "2002:101:101::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "",
    "localhost",
    "1.1.1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_connected_to(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", INSIDE)
def test_no_other_may(address: str) -> None:
    assert not is_public(address)


def test_one_address_inside_spoils_all() -> None:
    assert check_addresses(["1.1.1.1", "2606:4700::1111", "1.1.1.1"]) == ["1.1.1.1", "2606:4700::1111"]
    for found in (["1.1.1.1", "127.0.0.1"], ["::1", "2606:4700::1111"], []):
        with pytest.raises(WebhookUrlRefused):
            check_addresses(found)
    assert check_addresses(["127.0.0.1"], allow_private=True) == ["127.0.0.1"]
    with pytest.raises(WebhookUrlRefused):
        check_addresses([], allow_private=True)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://h.example", Target("https", "h.example", 443, "/")),
        ("https://h.example/a/b?c=d&e=%20", Target("https", "h.example", 443, "/a/b?c=d&e=%20")),
        ("https://h.example?c", Target("https", "h.example", 443, "/?c")),
        ("HTTPS://H.Example:8443/A", Target("https", "h.example", 8443, "/A")),
        ("https://[2606:4700::1111]:443/", Target("https", "[2606:4700::1111]", 443, "/")),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
        ("https://h.example/@a:b", Target("https", "h.example", 443, "/@a:b")),
    ],
)
def test_a_url_is_read_once(url: str, target: Target) -> None:
    assert target_of(url) == target


def test_the_host_header_names_an_unusual_port() -> None:
    assert target_of("https://h.example/").authority == "h.example"
    assert target_of("https://h.example:8443/").authority == "h.example:8443"
    assert target_of("http://h.example:80/", allow_private=True).authority == "h.example"


REFUSED_ALWAYS = [
    "",
    "h.example",
    "//h.example/",
    "ftp://h.example/",
    "file:///etc/passwd",
    "https:///a",
    "https://user@h.example/",
    "https://user:password@h.example/",
    "https://1.1.1.1@127.0.0.1/",
    "https://h.example/#fragment",
    "https://h.example\\@127.0.0.1/",
    "https://h.example/\r\nHost: x",
    "https://h.example/ a",
    " https://h.example/",
    "https://h.example/\n",
    "https://h.example:/",
    "https://h.example:0/",
    "https://h.example:65536/",
    "https://h.example:443:443/",
    "https://bücher.example/",
    "https://①②⑦.0.0.1/",
    "https://%31%32%37.0.0.1/",
    "https://[fe80::1%25eth0]/",
    "https://-h.example/",
    "https://h.example/" + "a" * LONGEST_URL,
]


@pytest.mark.parametrize("url", REFUSED_ALWAYS)
@pytest.mark.parametrize("allow_private", [False, True])
def test_what_is_no_plain_url_is_refused(url: str, allow_private: bool) -> None:
    with pytest.raises(WebhookUrlRefused):
        target_of(url, allow_private=allow_private)


@pytest.mark.parametrize(
    "url", ["http://h.example/", "https://h.example:22/", "https://h.example:1023/", "http://x:443"]
)
def test_plain_http_and_others_ports_are_for_development(url: str) -> None:
    assert target_of(url, allow_private=True)
    with pytest.raises(WebhookUrlRefused):
        target_of(url)
