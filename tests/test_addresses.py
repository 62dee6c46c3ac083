import pytest

from chat.addresses import address_of

OWN = "203.0.113.7"  # of the connection


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, OWN),
        (0, "198.51.100.1", OWN),
        (1, None, OWN),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "made up, 198.51.100.1", "198.51.100.1"),
        (2, "made up,198.51.100.1, 192.0.2.1", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),
    ],
)
def test_it_believes_only_the_sites_own_proxies(rf, settings, proxies, forwarded, address):
    settings.CHAT_PROXIES = proxies
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    assert address_of(rf.get("/", headers=headers, REMOTE_ADDR=OWN)) == address


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", None, True),
    ],
)
def test_a_network_is_one_place(rf, one, other, same):
    requests = [rf.get("/", REMOTE_ADDR=each) for each in (one, other)]
    assert (address_of(requests[0]) == address_of(requests[1])) is same
