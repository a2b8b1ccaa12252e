// Whole protected messages for whoever sends one at a time: sealing and opening with any suite,
// splitting into fragments (RFC 7383) and joining them. The worker has its own batched form.
//
//   writing   build the inner payloads with a ChainBuilder over any buffer, then
//             n = fragment_count(...); seal_fragment(..., 1..n)        n == 1 is a plain SK message
//   reading   open_message(...) with a Reassembler, or without one when RFC 7383 was not negotiated
#pragma once

#include <algorithm>
#include <array>

#include "crypto/base/secret.h"
#include "crypto/engine.h"
#include "crypto/random.h"
#include "ike/header.h"
#include "ike/parse_error.h"
#include "ike/suite.h"

namespace ike {

inline constexpr std::size_t kFragmentsMax = 64;       // of one message, sent or received
inline constexpr std::size_t kReassembledMax = 65535;  // octets of inner payloads, joined
// IKE message sizes that fit a 1280-octet IPv6 packet and a 576-octet IPv4 packet with UDP header
// and non-ESP marker (RFC 7383 §2.5.1).
inline constexpr std::size_t kFragmentMessageMax = 1280 - 40 - 8 - 4;
inline constexpr std::size_t kSmallFragmentMessageMax = 576 - 20 - 8 - 4;

// One direction of an IKE SA, as its sender sees it. The counter is the IV of AEAD suites: it is
// counted up for each SK and SKF and never set back under one key. CBC suites take their IVs from
// `random`.
struct SkSender {
  crypto::Engine& engine;
  crypto::Random& random;
  const Suite& suite;
  crypto::Bytes sk_e;
  crypto::Bytes sk_a;  // empty for AEAD
  std::uint64_t& tx_counter;
};

// Seals one SK message: header, SK, ICV. `inner` is the payload chain and must not lie in `out`.
// next_payload and length of `header` are filled in. Returns the length, or 0 when it does not fit
// `out`.
std::size_t seal_message(const SkSender& sender, const Header& header, PayloadType first_inner,
                         crypto::Bytes inner, crypto::MutBytes out);

// How many messages of at most `message_max` octets `inner` needs: 1 when it fits a plain SK
// message; 0 when kFragmentsMax do not suffice or `message_max` has no room for any octet.
std::size_t fragment_count(const Suite& suite, std::size_t inner_len, std::size_t message_max);

// Seals message `number` (from 1) of fragment_count(). A count of 1 gives seal_message(). A
// retransmission sends the same octets again; a fresh split of the same message draws fresh IVs.
std::size_t seal_fragment(const SkSender& sender, const Header& header, PayloadType first_inner,
                          crypto::Bytes inner, std::size_t message_max, std::size_t number,
                          crypto::MutBytes out);

// Joins the fragments of one message. Only octets that were authenticated come here. The memory is
// the caller's: fragments are kept in it in the order in which they came, so it bounds the message.
// Wiped when reset or destroyed.
class Reassembler {
 public:
  // `memory` outlives this; kReassembledMax octets serve every message.
  explicit Reassembler(crypto::MutBytes memory)
      : memory_(memory.first(std::min(memory.size(), kReassembledMax))) {}
  ~Reassembler() { reset(); }
  Reassembler(const Reassembler&) = delete;
  Reassembler& operator=(const Reassembler&) = delete;

  enum class Outcome : std::uint8_t {
    stored,     // wait for more
    complete,   // join() gives the message
    duplicate,  // this number is there already; the first one stays
    stale,      // total is smaller than that of the set (RFC 7383 §2.6)
    too_many,   // total above kFragmentsMax
    too_long,   // the memory is full: the set is given up
  };
  // A larger total, or another Message ID, discards what is there and begins anew.
  Outcome add(MessageId id, std::uint16_t number, std::uint16_t total, PayloadType first_inner,
              crypto::Bytes inner);

  // After complete: writes the inner payloads to `out` and resets. Returns their length, or 0 when
  // `out` is too small or the set is not complete.
  std::size_t join(crypto::MutBytes out, PayloadType& first_inner);

  void reset();
  bool is_empty() const { return count_ == 0; }
  std::size_t octets_held() const { return used_; }

 private:
  struct Piece {
    std::uint32_t at = 0;
    std::uint32_t len = 0;
    bool there = false;
  };
  crypto::MutBytes memory_;
  std::size_t used_ = 0;
  std::size_t count_ = 0;
  std::uint16_t total_ = 0;
  MessageId id_;
  PayloadType first_inner_ = PayloadType::none;
  std::array<Piece, kFragmentsMax> pieces_;
};

struct SkReceiver {
  crypto::Engine& engine;
  const Suite& suite;
  crypto::Bytes sk_e;
  crypto::Bytes sk_a;
};

enum class SkOutcome : std::uint8_t {
  opened,     // first_inner and inner hold the payloads
  stored,     // an authentic fragment; more are needed
  dropped,    // not authentic or no protected message: silence, nothing changed; see `error`
  redundant,  // an authentic fragment that is a duplicate, or of a stale or too large set
  malformed,  // authentic, but the padding is wrong: INVALID_SYNTAX is due (RFC 7296 §2.21.2)
};
struct OpenedMessage {
  PayloadType first_inner = PayloadType::none;
  crypto::Bytes inner;  // in `plaintext`
  bool is_fragment = false;
  std::uint16_t fragment_number = 1;
  // Of dropped and malformed: what was wrong. none with dropped: the ICV, or fragments were not
  // negotiated.
  ParseError error = ParseError::none;
};
// Opens `message`, whose header is parsed already. `reassembler` is null when fragmentation was not
// negotiated: then SKF is dropped unread. `plaintext` needs max(message.size(), kReassembledMax
// when there is a reassembler) octets and holds secrets afterwards.
SkOutcome open_message(const SkReceiver& receiver, crypto::Bytes message, const Header& header,
                       Reassembler* reassembler, crypto::MutBytes plaintext, OpenedMessage& out);

}  // namespace ike
