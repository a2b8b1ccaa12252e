// IKE_SA_INIT (RFC 7296 §1.2): reading message 1, writing its answers, and the initiator's side of
// both. Everything here is clear text; authentication comes with IKE_AUTH.
//
//   request   HDR(A,0), [N(COOKIE),] SAi1, KEi, Ni [, N+]
//   response  HDR(A,B), SAr1, KEr, Nr [, N(NAT_DETECTION_*)] [, N+] [, CERTREQ]
//          or HDR(A,0), N(COOKIE)               write_cookie_challenge() of ike/resume.h
//          or HDR(A,0), N(INVALID_KE_PAYLOAD)   group wanted, 2 octets
//          or HDR(A,0), N(error)                write_clear_notify() of ike/resume.h
#pragma once

#include "crypto/base/bytes.h"
#include "ike/header.h"
#include "ike/nat_detection.h"
#include "ike/parse_error.h"
#include "ike/suite.h"

namespace ike {

inline constexpr std::size_t kAuthorityHashLen = 20;  // SHA-1 of a SubjectPublicKeyInfo

// The bit of a hash in a set of SIGNATURE_HASH_ALGORITHMS; 0 for ids that we cannot name.
constexpr std::uint16_t hash_bit(std::uint16_t hash_id) {
  return hash_id < 16 ? static_cast<std::uint16_t>(1u << hash_id) : std::uint16_t{0};
}
constexpr std::uint16_t hash_bit(HashId id) { return hash_bit(static_cast<std::uint16_t>(id)); }

// Views into message 1; NAT detection stands in the base.
struct SaInitRequest : NatDetection {
  IkeSpi spi_i;
  crypto::Bytes message;  // RealMessage1: from the first SPI octet to the end
  crypto::Bytes sa;       // body of SAi1, check_sa passed
  crypto::Bytes nonce;    // Ni
  crypto::Bytes ke_data;  // of KEi; its length is the business of whoever knows the group
  crypto::Bytes cookie;   // data of a COOKIE notify that stands first; empty when none
  KeId ke = KeId::none;   // group of KEi as sent; may be a number that KeId does not name
  bool has_cookie = false;
  bool fragmentation_supported = false;
  bool redirect_supported = false;
  bool childless_supported = false;  // RFC 6023; only a responder has to say it
  bool intermediate_supported = false;
  bool use_ppk = false;
  std::uint16_t signature_hashes = 0;  // hash_bit() of each id
};

// Checks header and chain: exchange 34, I set, R clear, Message ID 0, SPIr 0; exactly one SA, KE
// and Nonce of 16..256 octets. An SK payload is refused (bad_sk). Payloads in any order; other
// known payloads and unknown notifies are ignored. On critical_unknown, `offending` tells the
// payload type to name in the answer. bad_notify also for malformed SIGNATURE_HASH_ALGORITHMS.
ParseError parse_sa_init_request(crypto::Bytes message, SaInitRequest& out, PayloadType& offending);

// Message 2. Spans that are empty are not written. Returns the length, or 0 when `out` is too
// small.
struct SaInitResponse {
  IkeSpi spi_i;
  IkeSpi spi_r;
  std::uint8_t proposal_number = 1;
  Suite suite;  // suite.ke is the group of KEr
  crypto::Bytes ke_data;
  crypto::Bytes nonce;       // Nr
  crypto::Bytes nat_source;  // 20 octets each
  crypto::Bytes nat_destination;
  bool fragmentation_supported = false;
  bool childless_supported = false;
  bool intermediate_supported = false;
  bool use_ppk = false;
  std::uint16_t signature_hashes = 0;  // ids 1..15 by hash_bit(); 0 = no notify
  bool has_certreq = false;            // CERTREQ for X.509, also with no authority named
  std::span<const std::array<std::uint8_t, kAuthorityHashLen>> authorities;
};
std::size_t write_sa_init_response(const SaInitResponse& response, crypto::MutBytes out);

// "Send the group `wanted`" (RFC 7296 §1.3) to the request with `request`. 38 octets.
inline constexpr std::size_t kInvalidKeLen = kHeaderLen + 8 + 2;
std::size_t write_invalid_ke(const Header& request, KeId wanted, crypto::MutBytes out);

// Initiator. `cookie` and `nat_*` may be empty. Returns the length of message 1, or 0.
struct SaInitOffer {
  IkeSpi spi_i;
  crypto::Bytes cookie;
  std::span<const Suite> suites;  // best first; written by write_sa_offer()
  KeId ke = KeId::none;
  crypto::Bytes ke_data;
  crypto::Bytes nonce;
  crypto::Bytes nat_source;
  crypto::Bytes nat_destination;
  bool fragmentation_supported = false;
  bool redirect_supported = false;
  bool intermediate_supported = false;
  std::uint16_t signature_hashes = 0;
};
std::size_t write_sa_init_request(const SaInitOffer& offer, crypto::MutBytes out);

// What came back. Exactly one of the kinds; the views of the others are empty.
enum class SaInitAnswerKind : std::uint8_t { response, cookie, invalid_ke, error_notify };
struct SaInitAnswer : NatDetection {
  SaInitAnswerKind kind = SaInitAnswerKind::response;
  IkeSpi spi_r;
  crypto::Bytes message;  // RealMessage2
  crypto::Bytes sa;       // body of SAr1; read it with read_chosen()
  crypto::Bytes nonce;
  KeId ke = KeId::none;
  crypto::Bytes ke_data;
  crypto::Bytes cookie;
  KeId wanted_ke = KeId::none;  // of invalid_ke
  std::uint16_t error = 0;      // of error_notify
  bool fragmentation_supported = false;
  bool childless_supported = false;
  bool intermediate_supported = false;
  std::uint16_t signature_hashes = 0;
  bool has_certreq = false;
  crypto::Bytes authorities;  // of an X.509 CERTREQ: kAuthorityHashLen octets each
};
ParseError parse_sa_init_answer(crypto::Bytes message, SaInitAnswer& out);

}  // namespace ike
