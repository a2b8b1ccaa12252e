// The seam between the planes: letters of fixed size that a worker and the control thread exchange
// over rings with one writer and one reader each, and the bell that wakes the control thread.
//
// Worker -> control thread: Punt. An IKE message that is not the worker's, or a resumed IKE SA that
// the worker gives up together with the message that it cannot serve. And Report: what the worker
// was asked to tell of its SAs.
// Control thread -> worker: Order. A message to be sent, what becomes of SAs, and questions.
//
// Nobody waits: a full ring loses the letter, the loss is counted by the writer, and the peer's
// retransmission writes it again. A letter that holds keys is wiped by its reader.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"
#include "dataplane/api/config.h"
#include "ike/auth_value.h"
#include "ike/ids.h"
#include "ike/payload.h"
#include "ike/suite.h"

namespace dp {

// The way to a peer, as its last packet came: an answer goes back the way the question came. IPv4
// addresses stand in the first 4 octets.
struct PeerPath {
  Mac peer_mac{};
  bool is_ip6 = false;
  bool non_esp_marker = false;  // port 4500: UDP encapsulation, marker before IKE (RFC 3948 §2.2)
  std::array<std::uint8_t, 16> local{};
  std::array<std::uint8_t, 16> peer{};
  std::uint16_t local_port = 0;
  std::uint16_t peer_port = 0;
  bool operator==(const PeerPath&) const = default;

  crypto::Bytes local_octets() const { return {local.data(), is_ip6 ? 16u : 4u}; }
  crypto::Bytes peer_octets() const { return {peer.data(), is_ip6 ? 16u : 4u}; }
};

// The longest IKE message that crosses the seam; longer ones are dropped by the worker.
inline constexpr std::size_t kSeamMessageMax = 10240;
// SK_d | SK_ai | SK_ar | SK_ei | SK_er of the largest suite.
inline constexpr std::size_t kAdoptedKeysMax = 3 * 64 + 2 * 36;
inline constexpr std::size_t kAdoptedResponseMax = 2048;
inline constexpr std::uint32_t kNoLease = 0xffffffff;

// What a worker can tell of a resumed IKE SA: names and numbers, no keys.
struct ResumedSa {
  ike::IkeSpi spi_i, spi_r;
  ike::Suite suite;
  std::uint16_t connection_index = 0;
  std::uint16_t resumptions = 0;
  std::uint64_t full_auth_s = 0;       // Unix seconds
  std::uint64_t established_ms = 0;    // monotonic
  ike::IssuerId issuer;                // of the ticket issued for this SA
  ike::TicketSerial serial;            // 0 = none was issued
  std::uint32_t ip4_lease = kNoLease;  // index in the pool
  std::uint32_t ip6_lease = kNoLease;
  bool fragmentation = false;  // both sides announced RFC 7383
  bool mobike = false;         // ... RFC 4555
  bool post_quantum = false;   // mark of the ticket that it came from
  bool has_child = false;
  ike::EspSpi child_in, child_out;
  ike::Suite child_suite;
  // Of the Child SA: our side's and the peer's; a remote of no items is exactly the leases.
  ike::SelectorList ts_local, ts_remote;
  std::uint16_t id_i_len = 0, id_r_len = 0, eap_identity_len = 0;
  // As the ticket has them; all empty when the worker had no memory for them.
  std::array<std::uint8_t, ike::kIdBodyMax> id_i, id_r;
  std::array<std::uint8_t, ike::kTicketLenMax> eap_identity;
};

// A resumed IKE SA as its worker leaves it. Its Child SA stays where it is; from now on the control
// thread decides about it.
struct AdoptedSa : ResumedSa {
  ike::AuthMethod auth_method = ike::AuthMethod::shared_key;
  ike::AuthForm auth_form = ike::AuthForm::rfc;
  std::uint32_t next_message_id = 0;  // expected from the client
  std::uint64_t tx_counter = 0;       // IVs used in our direction so far
  std::uint16_t keys_len = 0, response_len = 0;
  std::array<std::uint8_t, kAdoptedKeysMax> keys;  // SK_d | SK_ai | SK_ar | SK_ei | SK_er
  // The last response, sent again when its request is retransmitted. 0 octets when it was too long.
  std::array<std::uint8_t, kAdoptedResponseMax> response;
};

enum class PuntKind : std::uint8_t {
  message,  // for the control thread from the start, or of an SA that it owns
  adopted,  // the SA in `sa` is the control thread's from here on; `message` may be empty
  // A client resumed with a ticket of the control thread's SA `spi_i`, `spi_r`: that SA ends
  // silently (RFC 5723 §4.3.4). No message, no path; its leases are the new SA's already.
  superseded,
  // An authentic ESP packet of the IKE SA `spi_r` came along `path`, another than before: its peer
  // is reached there (RFC 7296 §2.23). No message.
  peer_moved,
  // The Child SA `child_in` of the IKE SA `spi_r` has carried what it may: a rekey is due, or it
  // carries nothing any more and ends. No message.
  child_worn,
  child_spent,
  // The answer to a question stands in the ring of reports. No message.
  reported,
};

struct Punt {
  PuntKind kind = PuntKind::message;
  ike::IkeSpi spi_i, spi_r;  // of superseded; spi_r of what ESP tells
  ike::EspSpi child_in;      // of child_worn and child_spent
  PeerPath path;
  std::uint16_t message_len = 0;
  AdoptedSa sa;  // of adopted
  std::array<std::uint8_t, kSeamMessageMax> message;

  crypto::Bytes message_octets() const { return {message.data(), message_len}; }
};

// What its reader does with a letter before it gives it back: keys and identities are overwritten.
void wipe(Punt& letter);

// How many SAs, and Child SAs, one report tells of.
inline constexpr std::size_t kReportSas = 32;
inline constexpr std::size_t kReportChildren = 64;

// What a Child SA has carried. Octets are those of ESP packets, from SPI to ICV; drops are packets
// that were this SA's and went no further.
struct ChildTraffic {
  ike::EspSpi spi_in;
  std::uint64_t packets_in = 0, octets_in = 0, packets_out = 0, octets_out = 0;
  std::uint32_t drops_in = 0, drops_out = 0;
  std::uint64_t installed_ms = 0;  // monotonic
  std::uint64_t seen_ms = 0;       // the last authentic packet in; installed_ms: none came yet
};

struct ReportedSa : ResumedSa {
  PeerPath path;         // of its last request
  ChildTraffic traffic;  // when has_child
};

// A question to a worker about its SAs. Each is answered with one report and changes nothing, so
// that it may be asked again when the answer does not come.
struct Question {
  std::uint64_t number = 0;  // comes back in the report
  // report_sas: slots are looked at from this one on; or the one SA with this SPI, when not 0.
  std::uint32_t from = 0;
  ike::IkeSpi spi_r;
  // report_children: inbound SPIs.
  std::uint32_t children_count = 0;
  std::array<ike::EspSpi, kReportChildren> children;
};

// The answer. Of SAs at most kReportSas, and at most a bounded number of slots was looked at:
// `next` is where the next question goes on, kReportEnd when there is nothing more. SAs that come
// or go between two questions may be missed; none is told of twice.
inline constexpr std::uint32_t kReportEnd = 0xffffffff;
struct Report {
  std::uint64_t number = 0;
  std::uint32_t next = kReportEnd;
  std::uint32_t sas_count = 0, children_count = 0;
  std::array<ReportedSa, kReportSas> sas;
  std::array<ChildTraffic, kReportChildren> children;  // of those asked for that are there
};

// Identities are overwritten.
void wipe(Report& letter);

// A Child SA for the worker's ESP path. `keymat` is KEYMAT of RFC 7296 §2.17 as it stands: the
// initiator's direction first.
struct ChildInstall {
  ike::EspSpi spi_in, spi_out;
  ike::Suite suite;
  bool we_initiated = false;  // which half of keymat is ours
  ike::IkeSpi ike_spi_r;      // the IKE SA it belongs to
  std::uint32_t ip4_lease = kNoLease, ip6_lease = kNoLease;
  std::uint64_t sent = 0;  // sequence numbers used already: 0, but in tests of the end of them
  ChildLimits limits;
  ike::SelectorList ts_local, ts_remote;
  std::array<std::uint8_t, ike::kChildKeymatMax> keymat;
};

enum class OrderKind : std::uint8_t {
  transmit,         // send `message` along `path`
  release,          // forget an SA that was adopted from this worker: `spi_r`
  recall,           // give up the resumed SA `spi_r`: answered with a Punt of kind adopted
  install_child,    // `child`, reached along `path`
  remove_child,     // the Child SA with our inbound SPI child.spi_in
  move_child,       // the Child SA with our inbound SPI child.spi_in is reached along `path` now
  report_sas,       // `question`: resumed SAs that the worker serves
  report_children,  // `question`: what Child SAs have carried
};

struct Order {
  OrderKind kind = OrderKind::transmit;
  PeerPath path;
  ike::IkeSpi spi_r;
  ChildInstall child;
  Question question;
  std::uint16_t message_len = 0;
  std::array<std::uint8_t, kSeamMessageMax> message;

  crypto::Bytes message_octets() const { return {message.data(), message_len}; }
};

void wipe(Order& letter);

// One writer, one reader, a power of two of letters. The writer fills the letter that claim() names
// and then says publish(); the reader looks at peek() and then says done(). Cells that were never
// used stay cold memory.
template <class Letter>
class SpscRing {
 public:
  explicit SpscRing(std::uint32_t size)
      : mask_(size - 1), cells_(std::make_unique_for_overwrite<Letter[]>(size)) {}

  // Writer. Null when the ring is full. The letter holds what its last use left.
  Letter* claim() {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - seen_head_ > mask_) {
      seen_head_ = head_.load(std::memory_order_acquire);
      if (tail - seen_head_ > mask_) return nullptr;
    }
    return &cells_[tail & mask_];
  }
  void publish() { tail_.store(tail_.load(std::memory_order_relaxed) + 1); }

  // Reader. Null when the ring is empty.
  Letter* peek() {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    // Sequentially consistent, like publish(): a reader that said will_sleep() must not miss a
    // letter whose writer did not see that yet.
    return head == tail_.load() ? nullptr : &cells_[head & mask_];
  }
  // The letter that is `count` behind the one of peek(), if it has come, to be fetched in time.
  const Letter* ahead(std::uint32_t count) const {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    const bool is_there = tail_.load(std::memory_order_acquire) - head > count;
    return is_there ? &cells_[(head + count) & mask_] : nullptr;
  }
  void done() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  // Either side; exact only when nobody writes.
  std::uint32_t size() const {
    return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire);
  }

 private:
  const std::uint32_t mask_;
  std::unique_ptr<Letter[]> cells_;
  alignas(64) std::atomic<std::uint32_t> head_{0};
  alignas(64) std::atomic<std::uint32_t> tail_{0};
  std::uint32_t seen_head_ = 0;  // the writer's
};

inline constexpr std::uint32_t kPuntRingLen = 1024;
inline constexpr std::uint32_t kOrderRingLen = 1024;
inline constexpr std::uint32_t kReportRingLen = 2;  // one is asked for at a time

// The rings of one worker.
struct Seam {
  SpscRing<Punt> punts{kPuntRingLen};
  SpscRing<Report> reports{kReportRingLen};
  SpscRing<Order> orders{kOrderRingLen};
};

// Wakes the control thread when it sleeps; costs a worker one load when it does not.
//
// Control thread: before it sleeps it says will_sleep(), looks at the rings once more, waits until
// fd() is readable, then says is_awake(). Workers: ring() after publish().
class Doorbell {
 public:
  Doorbell();
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  int fd() const { return fd_; }  // an eventfd, non-blocking
  void will_sleep() { asleep_.store(true); }
  void is_awake();
  void ring() {
    if (asleep_.load()) [[unlikely]]
      wake();
  }

 private:
  void wake();
  int fd_;
  std::atomic<bool> asleep_{false};
};

}  // namespace dp
