// ExchangeWindow: Message IDs, kept answers and retransmission of one IKE SA, in front of the
// state machine, so that no handler ever sees a duplicate (RFC 7296 §2.1-2.3).
//
// The window is 1 in both directions: a request is served when it is the expected one, answered
// with the kept octets when it is the last one again, and otherwise neither executed nor answered.
// One request of ours is outstanding at a time; it is sent again with growing intervals until it is
// answered or given up. Plain data with rules; time comes in as a value. Control thread only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "crypto/base/bytes.h"
#include "ike/ids.h"

namespace cp {

using Octets = std::vector<std::uint8_t>;
inline Octets copy_of(crypto::Bytes octets) { return {octets.begin(), octets.end()}; }
// One IKE message as it goes on the wire: itself, or its fragments (RFC 7383).
using Datagrams = std::vector<Octets>;

// What we do about a request of ours that stays unanswered.
struct RetransmitPolicy {
  std::uint32_t first_ms = 2000;
  double factor = 1.8;
  std::uint8_t tries = 5;  // transmissions, the first included
  bool operator==(const RetransmitPolicy&) const = default;
};

class ExchangeWindow {
 public:
  enum class Turn : std::uint8_t {
    fresh,     // the expected request
    repeated,  // the last request again; last_answer() is the answer, unless it is still pending
    stale,     // outside the window
  };
  // `next_request` is the Message ID of the peer's next request; `next_own` that of ours.
  explicit ExchangeWindow(ike::MessageId next_request = ike::MessageId(0),
                          ike::MessageId next_own = ike::MessageId(0))
      : next_request_(next_request), next_own_(next_own) {}

  Turn sort_request(ike::MessageId id) const;
  // The expected request was authentic and is being served. Until answered() its repetitions are
  // `repeated` with nothing to send.
  void begin_answer() { answer_pending_ = true; }
  bool answer_pending() const { return answer_pending_; }
  // The window moves on; `answer` is kept for repetitions.
  void answered(Datagrams answer);
  std::span<const Octets> last_answer() const { return answer_; }
  // The answer to the request before next_request(), of an SA that was elsewhere until now.
  void keep_answer(Datagrams answer) { answer_ = std::move(answer); }
  ike::MessageId next_request() const { return next_request_; }

  // Our own request. Only when none is outstanding and no Message ID is used up.
  bool may_ask() const { return !asking_ && next_own_.value() != kLastId; }
  bool is_asking() const { return asking_; }
  ike::MessageId own_id() const { return next_own_; }
  void asked(Datagrams request, std::uint64_t now_ms, const RetransmitPolicy& policy);
  bool is_awaited(ike::MessageId id) const { return asking_ && id == next_own_; }
  void completed();
  std::span<const Octets> own_request() const { return request_; }

  // When own_request() is due again; no request: never.
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  std::uint64_t retransmit_at_ms() const { return asking_ ? due_ms_ : kNever; }
  // It is due: true = send own_request() once more, false = given up.
  [[nodiscard]] bool again(std::uint64_t now_ms, const RetransmitPolicy& policy);

 private:
  static constexpr std::uint32_t kLastId = 0xffffffff;
  ike::MessageId next_request_, next_own_;
  Datagrams answer_, request_;
  bool answer_pending_ = false, asking_ = false;
  std::uint8_t tries_ = 0;
  std::uint64_t interval_ms_ = 0, due_ms_ = 0;
};

}  // namespace cp
