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
// For ESP the transform types KE and ADDKE are ignored. Returns false when nothing fits
// (NO_PROPOSAL_CHOSEN). `sa_body` must have passed check_sa.
[[nodiscard]] bool choose(crypto::Bytes sa_body, Protocol protocol,
                          std::span<const Suite> preference, Choice& out);

// How much the group of the peer's KE payload weighs.
enum class KePolicy : std::uint8_t {
  strict,           // the best suite, even if its group costs another round trip
  save_round_trip,  // the best suite with the group that was sent; if there is none, the best
};
// The choice where a KE payload stands beside the SA: IKE_SA_INIT and CREATE_CHILD_SA. For ESP the
// KE of the preferences counts too: a suite with ke none takes proposals without KE transform or
// with NONE, another one those that hold its group; ADDKE1 to ADDKE7 likewise (RFC 9370 §2.2.1).
// `sent` is the group of the KE payload, none when there is none.
//
// `ke_fits` is false when the chosen suite wants another group than `sent`: INVALID_KE_PAYLOAD with
// out.suite.ke is the answer (RFC 7296 §1.2, §1.3). A suite with ke none fits any; the KE payload
// is then ignored (§1.3.1). False as choose().
[[nodiscard]] bool choose_with_ke(crypto::Bytes sa_body, Protocol protocol,
                                  std::span<const Suite> preference, KeId sent, KePolicy policy,
                                  Choice& out, bool& ke_fits);

// Protocol of the first proposal; of a body that passed check_sa.
Protocol sa_protocol(crypto::Bytes sa_body);

// Initiator: what the responder chose. bad_proposal unless there is exactly one proposal for
// `protocol` with one transform of each type and all of them are algorithms we know. Whether that
// suite was offered is the caller's business. `sa_body` must have passed check_sa.
ParseError read_chosen(crypto::Bytes sa_body, Protocol protocol, Choice& out);

// Writes an SA payload with exactly one proposal: the answer of a responder, or a one-suite offer.
// KE and ADDKE transforms are written where the suite has them; the Child SA of IKE_AUTH has none,
// so clear them there with without_ke().
void write_sa(ChainBuilder& chain, Protocol protocol, std::uint8_t proposal_number,
              const Suite& suite, crypto::Bytes spi);

// Writes an SA payload that offers `suites`, best first, and nothing else: neighbours that differ
// in one algorithm share a proposal, so that a long list becomes few proposals; but suites with
// other additional key exchanges never do, because a peer without RFC 9370 passes over the whole
// proposal. At most
// kOfferSuitesMax suites; the writer fails beyond that, without suites, or when more than
// kProposalsMax proposals would be needed.
inline constexpr std::size_t kOfferSuitesMax = 256;
void write_sa_offer(ChainBuilder& chain, Protocol protocol, std::span<const Suite> suites,
                    crypto::Bytes spi);

// The ESP and IKE suites this implementation accepts when the configuration names none, best first.
std::span<const Suite> default_esp_suites();
std::span<const Suite> default_ike_suites();

}  // namespace ike
