// Drop reasons as data: one enumerator, one row. Counters, `stats` output, docs and tests are made
// from this table. A reason tells what the peer (or the load) did; our own failures are CHECKs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dp {

enum class Drop : std::uint8_t {
  none,
  // classify
  eth_runt,
  eth_not_for_us,
  eth_unknown_type,
  vlan_unknown,
  ip_runt,
  ip_bad_header,
  ip_bad_checksum,
  ip_not_for_us,
  ip_bad_source,
  ip_unknown_protocol,
  udp_bad_length,
  udp_bad_checksum,
  udp_unknown_port,
  nat_keepalive,
  esp_unknown_spi,
  // reassemble
  ip_fragment_waiting,
  ip_fragment_bad,
  ip_fragment_limit,
  ip_fragment_expired,
  // answer_link
  arp_bad,
  icmp_ignored,
  // IKE header
  ike_runt,
  ike_bad_length,
  ike_bad_version,
  ike_bad_header,
  ike_response,
  ike_other_exchange,
  // parse_resume
  resume_malformed,
  resume_no_ticket,
  resume_bad_nonce,
  payload_critical_unknown,
  // admit
  shed_overload,
  half_open_limit,
  source_limit,
  ticket_in_use,
  cookie_required,
  // open_tickets, accept_tickets: answered with TICKET_NACK unless the source is over its answer
  // budget
  ticket_bad_format,
  ticket_unknown_key,
  ticket_unknown_issuer,
  ticket_bad_tag,
  ticket_bad_state,
  ticket_expired,
  ticket_policy,
  ticket_spent,
  ticket_revoked,
  issuer_unmapped,
  answer_limit,
  // open_half_open
  duplicate_request,
  table_full,
  // find_sessions
  spi_unknown,
  owner_ring_full,
  message_id_unexpected,
  exchange_unexpected,
  // open_auth, verify_auth, establish
  sk_malformed,
  sk_bad_icv,
  fragment_limit,
  fragment_waiting,
  auth_malformed,
  auth_failed,
  ticket_lost_race,
  // admit_initiations, punt
  init_malformed,
  punt_full,
  // find_esp, open_esp
  esp_bad_length,
  esp_replayed,
  esp_bad_icv,
  // decapsulate
  esp_dummy,
  esp_bad_padding,
  esp_bad_next_header,
  inner_malformed,
  inner_spoofed,
  inner_not_selected,
  ecn_congested,
  // deliver, answer_inner
  inner_expired,
  inner_ignored,
  inner_bad_destination,
  inside_absent,
  no_gateway,
  neighbour_unknown,
  // route_out, encapsulate
  no_child_sa,
  inner_too_big,
  sequence_exhausted,
  // session upkeep
  half_open_expired,
  // leaving
  reply_too_large,
  tx_full,
  // orders of the control thread
  no_buffer,
  count,
};

struct DropInfo {
  Drop reason;
  std::string_view name;
  std::string_view meaning;
};

inline constexpr std::array kDropInfo = {
    DropInfo{Drop::none, "none", "not dropped"},
    DropInfo{Drop::eth_runt, "eth_runt", "shorter than an Ethernet header"},
    DropInfo{Drop::eth_not_for_us, "eth_not_for_us",
             "destination MAC is neither ours nor one we listen to"},
    DropInfo{Drop::eth_unknown_type, "eth_unknown_type",
             "EtherType is not IPv4, IPv6, ARP or one VLAN tag"},
    DropInfo{Drop::vlan_unknown, "vlan_unknown", "VLAN id differs from the configured one"},
    DropInfo{Drop::ip_runt, "ip_runt", "shorter than its IP header or total length says"},
    DropInfo{Drop::ip_bad_header, "ip_bad_header",
             "IP version, header length or extension header chain is wrong"},
    DropInfo{Drop::ip_bad_checksum, "ip_bad_checksum", "IPv4 header checksum is wrong"},
    DropInfo{Drop::ip_not_for_us, "ip_not_for_us", "destination address is not ours"},
    DropInfo{Drop::ip_bad_source, "ip_bad_source",
             "source address is multicast, broadcast, unspecified, loopback or ours"},
    DropInfo{Drop::ip_unknown_protocol, "ip_unknown_protocol", "neither UDP, ESP nor ICMP"},
    DropInfo{Drop::udp_bad_length, "udp_bad_length",
             "UDP length disagrees with the packet, or source port 0"},
    DropInfo{Drop::udp_bad_checksum, "udp_bad_checksum",
             "UDP checksum is wrong, or absent over IPv6"},
    DropInfo{Drop::udp_unknown_port, "udp_unknown_port", "UDP port is neither 500 nor 4500"},
    DropInfo{Drop::nat_keepalive, "nat_keepalive",
             "NAT keepalive (RFC 3948 section 2.3); needs no answer"},
    DropInfo{Drop::esp_unknown_spi, "esp_unknown_spi", "ESP for an SPI we do not have"},
    DropInfo{Drop::ip_fragment_waiting, "ip_fragment_waiting",
             "IP fragment kept; the rest of its datagram is still to come"},
    DropInfo{Drop::ip_fragment_bad, "ip_fragment_bad",
             "IP fragment malformed or overlapping another; its datagram is given up"},
    DropInfo{Drop::ip_fragment_limit, "ip_fragment_limit",
             "IP fragment of neither UDP nor ESP, or beyond the limits of length, source or owner"},
    DropInfo{Drop::ip_fragment_expired, "ip_fragment_expired",
             "datagram given up before all its fragments came (datagrams, not packets)"},
    DropInfo{Drop::arp_bad, "arp_bad",
             "ARP or neighbour discovery message malformed or not for us"},
    DropInfo{Drop::icmp_ignored, "icmp_ignored",
             "ICMP message that is not an echo request, or a malformed one"},
    DropInfo{Drop::ike_runt, "ike_runt", "shorter than the fixed IKE header"},
    DropInfo{Drop::ike_bad_length, "ike_bad_length", "IKE length differs from the datagram"},
    DropInfo{Drop::ike_bad_version, "ike_bad_version", "IKE major version is not 2"},
    DropInfo{Drop::ike_bad_header, "ike_bad_header",
             "SPIs, flags or Message ID impossible for this exchange"},
    DropInfo{Drop::ike_response, "ike_response", "a response to nothing that we asked"},
    DropInfo{Drop::ike_other_exchange, "ike_other_exchange",
             "no responder SPI, and an exchange that begins no IKE SA"},
    DropInfo{Drop::resume_malformed, "resume_malformed",
             "IKE_SESSION_RESUME request with a broken payload chain"},
    DropInfo{Drop::resume_no_ticket, "resume_no_ticket",
             "IKE_SESSION_RESUME request without exactly one ticket"},
    DropInfo{Drop::resume_bad_nonce, "resume_bad_nonce",
             "nonce absent, twice, or of a wrong length"},
    DropInfo{Drop::payload_critical_unknown, "payload_critical_unknown",
             "unknown payload with the critical bit"},
    DropInfo{Drop::shed_overload, "shed_overload",
             "message 1 or IKE_SA_INIT shed early: the receive ring is filling"},
    DropInfo{Drop::half_open_limit, "half_open_limit", "all half-open places are taken"},
    DropInfo{Drop::source_limit, "source_limit", "too many half-opens from this source prefix"},
    DropInfo{Drop::ticket_in_use, "ticket_in_use", "too many half-opens with this ticket"},
    DropInfo{Drop::cookie_required, "cookie_required", "answered with a COOKIE challenge"},
    DropInfo{Drop::ticket_bad_format, "ticket_bad_format", "not a ticket of our format; refused"},
    DropInfo{Drop::ticket_unknown_key, "ticket_unknown_key",
             "sealed with a key we do not have (any more); refused"},
    DropInfo{Drop::ticket_unknown_issuer, "ticket_unknown_issuer",
             "issuer unknown and the budget for new issuers is spent; refused"},
    DropInfo{Drop::ticket_bad_tag, "ticket_bad_tag", "forged or altered ticket; refused"},
    DropInfo{Drop::ticket_bad_state, "ticket_bad_state",
             "ticket of ours with a state we cannot use; refused"},
    DropInfo{Drop::ticket_expired, "ticket_expired",
             "ticket expired, or the last full authentication is too old; refused"},
    DropInfo{Drop::ticket_policy, "ticket_policy",
             "algorithm, connection or policy generation no longer allowed; refused"},
    DropInfo{Drop::ticket_spent, "ticket_spent", "ticket was used already; refused"},
    DropInfo{Drop::ticket_revoked, "ticket_revoked", "ticket or identity was revoked; refused"},
    DropInfo{Drop::issuer_unmapped, "issuer_unmapped",
             "used-set of this issuer is being opened; the client's retransmission gets in"},
    DropInfo{Drop::answer_limit, "answer_limit",
             "refusal not sent: this source is over its answer budget"},
    DropInfo{Drop::duplicate_request, "duplicate_request",
             "late duplicate of message 1 of an established session"},
    DropInfo{Drop::table_full, "table_full", "no free session slot"},
    DropInfo{Drop::spi_unknown, "spi_unknown",
             "our SPI is not one of a live IKE SA; some are answered (RFC 6290)"},
    DropInfo{Drop::owner_ring_full, "owner_ring_full",
             "the owning worker's hand-over ring is full"},
    DropInfo{Drop::message_id_unexpected, "message_id_unexpected", "Message ID outside the window"},
    DropInfo{Drop::exchange_unexpected, "exchange_unexpected",
             "exchange not allowed in the session's state"},
    DropInfo{Drop::sk_malformed, "sk_malformed", "no SK payload, or one of a wrong form"},
    DropInfo{Drop::sk_bad_icv, "sk_bad_icv", "integrity check failed; the session is untouched"},
    DropInfo{Drop::fragment_limit, "fragment_limit",
             "IKE fragments beyond the limits, or not negotiated"},
    DropInfo{Drop::fragment_waiting, "fragment_waiting",
             "IKE fragment stored; the rest is still to come"},
    DropInfo{Drop::auth_malformed, "auth_malformed",
             "decrypted IKE_AUTH request malformed; answered with an error notify"},
    DropInfo{Drop::auth_failed, "auth_failed",
             "identity or AUTH wrong; answered with AUTHENTICATION_FAILED"},
    DropInfo{Drop::ticket_lost_race, "ticket_lost_race",
             "another session spent the ticket first; answered with AUTHENTICATION_FAILED"},
    DropInfo{
        Drop::init_malformed, "init_malformed",
        "IKE_SA_INIT request with a wrong header, a broken payload chain or one without nonce"},
    DropInfo{Drop::punt_full, "punt_full",
             "the ring to the control thread is full; a retransmission tries again"},
    DropInfo{Drop::esp_bad_length, "esp_bad_length",
             "ESP too short for its Child SA's algorithms, or not of whole blocks"},
    DropInfo{Drop::esp_replayed, "esp_replayed",
             "ESP sequence number seen before, or left of the window"},
    DropInfo{Drop::esp_bad_icv, "esp_bad_icv",
             "ESP integrity check failed; the window is untouched"},
    DropInfo{Drop::esp_dummy, "esp_dummy", "dummy packet (RFC 4303 section 2.6); needs no answer"},
    DropInfo{Drop::esp_bad_padding, "esp_bad_padding", "authentic ESP with impossible padding"},
    DropInfo{Drop::esp_bad_next_header, "esp_bad_next_header",
             "authentic ESP around neither IPv4 nor IPv6"},
    DropInfo{Drop::inner_malformed, "inner_malformed",
             "inner IP header wrong, or longer than what was decrypted"},
    DropInfo{Drop::inner_spoofed, "inner_spoofed",
             "inner source is not what the Child SA allows its peer"},
    DropInfo{Drop::inner_not_selected, "inner_not_selected",
             "inner destination, protocol or port outside the traffic selectors"},
    DropInfo{Drop::ecn_congested, "ecn_congested",
             "congestion was marked outside on a packet that cannot carry the mark (RFC 6040)"},
    DropInfo{Drop::inner_expired, "inner_expired", "TTL or hop limit of the inner packet ran out"},
    DropInfo{Drop::inner_ignored, "inner_ignored",
             "to the gateway's own inside address, and no echo request"},
    DropInfo{Drop::inner_bad_destination, "inner_bad_destination",
             "for the inside network, and to a group, a link-local or an impossible address"},
    DropInfo{Drop::inside_absent, "inside_absent", "for the inside network, and there is none"},
    DropInfo{Drop::no_gateway, "no_gateway",
             "for the inside network beyond our subnet, and no gateway leads there"},
    DropInfo{Drop::neighbour_unknown, "neighbour_unknown",
             "the next hop on the inside did not say its MAC address in time"},
    DropInfo{Drop::no_child_sa, "no_child_sa", "no Child SA leads to this destination"},
    DropInfo{Drop::inner_too_big, "inner_too_big", "does not fit the tunnel's MTU"},
    DropInfo{Drop::sequence_exhausted, "sequence_exhausted",
             "all sequence numbers of the Child SA are used (RFC 4303 section 2.2)"},
    DropInfo{Drop::half_open_expired, "half_open_expired",
             "half-open session without message 3 until its timeout (sessions, not packets)"},
    DropInfo{Drop::reply_too_large, "reply_too_large", "the answer does not fit the frame"},
    DropInfo{Drop::tx_full, "tx_full", "the transmit ring did not take the frame"},
    DropInfo{Drop::no_buffer, "no_buffer",
             "no packet buffer for a message of the control thread (messages, not packets)"},
};

inline constexpr std::size_t kDropCount = static_cast<std::size_t>(Drop::count);

consteval bool drop_table_is_total() {
  if (kDropInfo.size() != kDropCount) return false;
  for (std::size_t i = 0; i < kDropInfo.size(); ++i)
    if (static_cast<std::size_t>(kDropInfo[i].reason) != i) return false;
  return true;
}
static_assert(drop_table_is_total(), "every Drop enumerator has one row, in order");

constexpr std::string_view drop_name(Drop d) { return kDropInfo[static_cast<std::size_t>(d)].name; }

}  // namespace dp
