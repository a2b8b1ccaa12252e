"""What a gateway offers its clients, in words that resurged and its stand-ins are all told in."""

import dataclasses

import certs

GATEWAY_ID = "gw.example.org"
PSK = "a-secret-of-32-octets-or-more-for-tests"
IKE_PROPOSAL = "aes256gcm16-prfsha256-x25519"
ESP_PROPOSAL = "aes256gcm16"


@dataclasses.dataclass(frozen=True)
class Offer:
    """One connection. `options` and `child` hold further keys in swanctl's words and values."""

    name: str
    local_auth: str = "psk"  # psk or pubkey
    local_id: str = GATEWAY_ID
    local_cert: str = ""  # a name of certs.py
    remote_auth: str = "psk"  # psk, pubkey, eap-mschapv2 or eap-tls
    remote_id: str = ""  # empty: everybody
    proposals: str = IKE_PROPOSAL
    options: dict = dataclasses.field(default_factory=dict)
    child: dict = dataclasses.field(default_factory=dict)

    @property
    def with_eap(self) -> bool:
        return self.remote_auth.startswith("eap-")


@dataclasses.dataclass(frozen=True)
class World:
    """Everything that a gateway is configured with."""

    offers: tuple[Offer, ...]
    psks: dict[str, str] = dataclasses.field(default_factory=dict)  # identity -> secret
    users: dict[str, str] = dataclasses.field(default_factory=dict)  # of EAP: name -> password
    pool_v4: str = "10.1.0.1-10.1.0.250"
    pool_v6: str = ""
    sections: dict = dataclasses.field(default_factory=dict)  # more of resurged's configuration


def psk_offer(name: str = "psk", **more) -> Offer:
    return Offer(name=name, **more)


def pubkey_offer(name: str, certificate: str, **more) -> Offer:
    """The gateway shows `certificate`; clients show any of the same authority."""
    return Offer(
        name=name, local_auth="pubkey", local_id=certificate, local_cert=certificate,
        remote_auth="pubkey", **more,
    )


def eap_offer(method: str, **more) -> Offer:
    return Offer(
        name=method, local_auth="pubkey", local_id=certs.GATEWAY_RSA,
        local_cert=certs.GATEWAY_RSA, remote_auth=method, **more,
    )
