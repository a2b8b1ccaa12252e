// SA payloads: reading proposals, choosing one by local preference, writing the answer.
// RFC 7296 §2.7, §3.3; AEAD rules of RFC 5282 §8. Written so that IKE and ESP share one selection.
#pragma once

#include "crypto/base/bytes.h"
#include "ike/builder.h"
#include "ike/parse_error.h"
#include "ike/suite.h"

namespace ike {

inline constexpr std::size_t kProposalsMax = 32;    // per SA payload
inline constexpr std::size_t kTransformsMax = 255;  // per proposal (one octet on the wire)

// What a responder chose from an SA payload.
struct Choice {
  Suite suite;                       // for ESP: encr, key_bits, integ, esn
  std::uint8_t proposal_number = 0;  // as offered, repeated in the answer
  crypto::Bytes spi;  // the peer's SPI of that proposal (4 octets for ESP, 0 or 8 for IKE)
};

// Walks the SA payload body once; bad_proposal when any nested length or count disagrees.
ParseError check_sa(crypto::Bytes sa_body);

// Chooses the first suite of `preference` that some proposal for `protocol` contains. Proposals
// with an unknown transform type are skipped whole, transforms with unknown ids or attributes
// singly, AES without Key Length and ChaCha20 with one are not accepted (conformance CORE-22..25).
// For ESP transform type KE is ignored. Returns false when nothing fits (NO_PROPOSAL_CHOSEN).
// `sa_body` must have passed check_sa.
[[nodiscard]] bool choose(crypto::Bytes sa_body, Protocol protocol,
                          std::span<const Suite> preference, Choice& out);

// Writes an SA payload with exactly one proposal: the answer of a responder, or a one-suite offer.
void write_sa(ChainBuilder& chain, Protocol protocol, std::uint8_t proposal_number,
              const Suite& suite, crypto::Bytes spi);

// The ESP and IKE suites this implementation accepts when the configuration names none, best first.
std::span<const Suite> default_esp_suites();
std::span<const Suite> default_ike_suites();

}  // namespace ike
