// Numbers of IKEv2 (IANA "Internet Key Exchange Version 2 Parameters"): exchanges, payloads,
// notifies, transforms. Only the numbers; meaning lives with the code that uses them.
#pragma once

#include <cstdint>
#include <string_view>

namespace ike {

// RFC 7296 §3.1, RFC 5723 §7, RFC 9242, RFC 9370.
enum class Exchange : std::uint8_t {
  ike_sa_init = 34,
  ike_auth = 35,
  create_child_sa = 36,
  informational = 37,
  ike_session_resume = 38,
  ike_intermediate = 43,
  ike_followup_ke = 44,
};

// RFC 7296 §3.2, RFC 7383 (SKF).
enum class PayloadType : std::uint8_t {
  none = 0,
  sa = 33,
  ke = 34,
  id_i = 35,
  id_r = 36,
  cert = 37,
  certreq = 38,
  auth = 39,
  nonce = 40,
  notify = 41,
  del = 42,
  vendor_id = 43,
  ts_i = 44,
  ts_r = 45,
  sk = 46,
  cp = 47,
  eap = 48,
  skf = 53,
};
// True for the payload types this implementation knows; others are skipped, or refused when
// critical.
constexpr bool is_known(PayloadType type) {
  return (type >= PayloadType::sa && type <= PayloadType::eap) || type == PayloadType::skf;
}

// RFC 7296 §3.10.1: errors below 16384, status from there on.
enum class Notify : std::uint16_t {
  unsupported_critical_payload = 1,
  invalid_ike_spi = 4,
  invalid_major_version = 5,
  invalid_syntax = 7,
  invalid_message_id = 9,
  invalid_spi = 11,
  no_proposal_chosen = 14,
  invalid_ke_payload = 17,
  authentication_failed = 24,
  single_pair_required = 34,
  no_additional_sas = 35,
  internal_address_failure = 36,
  failed_cp_required = 37,
  ts_unacceptable = 38,
  invalid_selectors = 39,
  unacceptable_addresses = 40,
  unexpected_nat_detected = 41,
  temporary_failure = 43,
  child_sa_not_found = 44,
  state_not_found = 47,  // RFC 9370
  initial_contact = 16384,
  set_window_size = 16385,
  additional_ts_possible = 16386,
  ipcomp_supported = 16387,
  nat_detection_source_ip = 16388,
  nat_detection_destination_ip = 16389,
  cookie = 16390,
  use_transport_mode = 16391,
  http_cert_lookup_supported = 16392,
  rekey_sa = 16393,
  esp_tfc_padding_not_supported = 16394,
  non_first_fragments_also = 16395,
  mobike_supported = 16396,
  additional_ip4_address = 16397,
  additional_ip6_address = 16398,
  no_additional_addresses = 16399,
  update_sa_addresses = 16400,
  cookie2 = 16401,
  no_nats_allowed = 16402,
  auth_lifetime = 16403,
  redirect_supported = 16406,
  redirect = 16407,
  redirected_from = 16408,
  ticket_lt_opaque = 16409,  // RFC 5723 §7
  ticket_request = 16410,
  ticket_ack = 16411,
  ticket_nack = 16412,
  ticket_opaque = 16413,
  eap_only_authentication = 16417,
  childless_ikev2_supported = 16418,
  quick_crash_detection = 16419,
  ikev2_fragmentation_supported = 16430,
  signature_hash_algorithms = 16431,
  use_ppk = 16435,  // RFC 8784
  ppk_identity = 16436,
  no_ppk_auth = 16437,
  intermediate_exchange_supported = 16438,
  additional_key_exchange = 16441,  // RFC 9370
};
constexpr bool is_error(std::uint16_t notify_type) { return notify_type < 16384; }

// RFC 7296 §3.3, RFC 9370 §2.2.1.
enum class Protocol : std::uint8_t { none = 0, ike = 1, ah = 2, esp = 3 };
enum class TransformType : std::uint8_t {
  encr = 1,
  prf = 2,
  integ = 3,
  ke = 4,
  esn = 5,
  addke1 = 6,  // RFC 9370: 6 to 12 are ADDKE1 to ADDKE7
  addke7 = 12,
};
enum class EncrId : std::uint16_t { aes_cbc = 12, aes_gcm_16 = 20, chacha20_poly1305 = 28 };
enum class PrfId : std::uint16_t { hmac_sha2_256 = 5, hmac_sha2_384 = 6, hmac_sha2_512 = 7 };
enum class IntegId : std::uint16_t {
  none = 0,
  hmac_sha2_256_128 = 12,
  hmac_sha2_384_192 = 13,
  hmac_sha2_512_256 = 14,
};
enum class KeId : std::uint16_t {
  none = 0,
  modp_2048 = 14,
  modp_3072 = 15,
  modp_4096 = 16,
  ecp_256 = 19,
  ecp_384 = 20,
  ecp_521 = 21,
  curve25519 = 31,
  ml_kem_768 = 36,
};

// RFC 7296 §3.5.
enum class IdType : std::uint8_t {
  ipv4_addr = 1,
  fqdn = 2,
  rfc822_addr = 3,
  ipv6_addr = 5,
  der_asn1_dn = 9,
  key_id = 11,
};

// RFC 7296 §3.8, RFC 7427.
enum class AuthMethod : std::uint8_t {
  rsa = 1,
  shared_key = 2,
  ecdsa_256 = 9,
  ecdsa_384 = 10,
  ecdsa_521 = 11,
  null_auth = 13,
  digital_signature = 14,
};

// RFC 7296 §3.6: what stands in a CERT or CERTREQ payload.
enum class CertEncoding : std::uint8_t {
  x509_signature = 4,
  x509_hash_and_url = 12,
  x509_bundle_hash_and_url = 13,
  raw_public_key = 15,  // RFC 7670
};

// RFC 7427 §7, RFC 8420: the hash algorithms of SIGNATURE_HASH_ALGORITHMS.
enum class HashId : std::uint16_t {
  sha1 = 1,
  sha2_256 = 2,
  sha2_384 = 3,
  sha2_512 = 4,
  identity = 5,  // EdDSA
};

// RFC 3748 §4; the types of §5 as far as a pass-through authenticator reads them.
enum class EapCode : std::uint8_t { request = 1, response = 2, success = 3, failure = 4 };
enum class EapType : std::uint8_t {
  identity = 1,
  notification = 2,
  nak = 3,
  md5_challenge = 4,
  tls = 13,
  ttls = 21,
  peap = 25,
  mschapv2 = 26,
};

// RFC 7296 §3.15.1.
enum class CfgType : std::uint8_t { request = 1, reply = 2, set = 3, ack = 4 };
enum class CfgAttribute : std::uint16_t {
  internal_ip4_address = 1,
  internal_ip4_netmask = 2,
  internal_ip4_dns = 3,
  internal_ip6_address = 8,
  internal_ip6_dns = 10,
  internal_ip4_subnet = 13,
  internal_ip6_subnet = 15,
};

// RFC 7296 §3.13.1.
enum class TsType : std::uint8_t { ipv4_addr_range = 7, ipv6_addr_range = 8 };

}  // namespace ike
