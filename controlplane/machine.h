// Machine: the state machine of IKE SAs. Messages come in as letters from workers, go through the
// window and the cryptography, meet the handler that the edge table names for state and exchange,
// and what the handler decided is done here and nowhere else.
//
//   letter -> header -> SA by SPI -> window -> ICV -> edge -> handler -> actions -> answer
//
// A state and exchange without an edge is answered by the one path for unexpected exchanges and
// changes nothing. Control thread only.
#pragma once

#include <array>
#include <span>

#include "controlplane/ended_sas.h"
#include "controlplane/order_box.h"
#include "controlplane/plane.h"
#include "controlplane/rate_limit.h"
#include "controlplane/recalls.h"
#include "controlplane/sa_table.h"
#include "controlplane/transition.h"
#include "ike/builder.h"

namespace cp {

using Serve = Transition (*)(const IkeSa& sa, const Request& request, Plane& plane,
                             ike::ChainBuilder& answer);

struct Edge {
  SaState from;
  ike::Exchange exchange;
  Serve serve;
  std::array<bool, static_cast<std::size_t>(SaState::count)> to;  // states it may lead to
};
// The edge of a state and exchange, or null. RFC 7296 §1.2-1.4.
const Edge* find_edge(SaState from, ike::Exchange exchange);
std::span<const Edge> all_edges();

// Inner octets of the largest answer: certificates of a long chain.
inline constexpr std::size_t kAnswerMax = 32768;
// What SK, SKF, IV, padding and ICV add to inner octets at most, with the header.
inline constexpr std::size_t kSkOverheadMax = 128;
inline constexpr std::uint32_t kCrashAnswersPerS = 1000;
// Messages of which some fragments have come and others have not, 64 KiB each: of all SAs, and of
// those that are not authenticated, so that strangers cannot take the places of clients.
inline constexpr std::size_t kFragmentStoresMax = 1024;
inline constexpr std::size_t kStrangersFragmentStoresMax = 512;
// Resumed SAs that are called back in one round.
inline constexpr unsigned kRecallsPerRound = 256;
// How long fragments wait for the others.
inline constexpr std::uint64_t kFragmentsMs = 20'000;

class Machine {
 public:
  explicit Machine(Plane& plane) : plane_(plane), table_(plane.sas), orders_(plane.workers) {}

  // One letter of `worker`.
  void receive(unsigned worker, const dp::Punt& punt);
  // Everything that is due: retransmissions, liveness, rekeys, ends. At most `limit` SAs.
  void run_timers(unsigned limit);
  // EAP conversations whose RADIUS answer came.
  void eap_progressed(ike::IkeSpi our_spi);
  // What workers had no room for; called in every round.
  void flush_orders() { orders_.flush(); }
  // The gateway ends an SA: Delete is sent, its ticket dies (RFC 7296 §1.4.1). One that is not
  // authenticated ends at once, so `sa` may be gone afterwards.
  void terminate(IkeSa& sa);
  // The same for a resumed SA that is still its worker's: it is called back, in its turn, and ends
  // when it comes. Nothing happens when the worker has it no more.
  void terminate_resumed(const Recall& recall) { recalls_.add(recall); }
  // Calls back those whose turn it is; called in every round.
  void run_recalls();
  // Resumed SAs that wait to be called back, are, or came and are not closed yet.
  std::size_t resumed_closing() const {
    return recalls_.waiting() + recalls_.called() + called_back_;
  }
  // Nothing happens when the SA is not established, or a request of ours is outstanding.
  void start_rekey(IkeSa& sa);
  void start_child_rekey(IkeSa& sa, ike::EspSpi spi_in);

 private:
  // A message and the way it came.
  struct Arrival {
    unsigned worker;
    dp::PeerPath path;
    crypto::Bytes message;
    ike::Header header{};
  };

  // machine.cc: what comes in.
  void receive_message(Arrival from);
  void receive_sa_init(const Arrival& from);
  void receive_request(IkeSa& sa, const Arrival& from);
  void repeat_answer(const IkeSa& sa, const Arrival& from);
  void receive_answer(IkeSa& sa, const Arrival& from);
  void receive_for_nobody(const Arrival& from);
  void answer_unknown_spi(const Arrival& from);
  bool may_be_alive(const ike::Header& header);
  void heard(IkeSa& sa, const Arrival& from);
  void receive_protected(IkeSa& sa, const Arrival& from);
  void serve(IkeSa& sa, const Request& request, ike::ParseError fault);
  void take_answer(IkeSa& sa, const Answer& answer, ike::ParseError fault);
  void keep_answer(IkeSa& sa, const ike::Header& request, const ike::ChainBuilder& chain,
                   crypto::ByteWriter& writer);

  // adopt.cc: SAs of workers.
  void adopt(unsigned worker, const dp::Punt& punt);
  void name_connection(IkeSa& sa, std::uint16_t index);
  void supersede(const dp::Punt& punt);
  void peer_moved(unsigned worker, const dp::Punt& punt);
  void child_worn(const dp::Punt& punt);

  // apply.cc: what was decided. With `answer_to` the answer that the window keeps goes there, after
  // the actions: the peer may use at once what it was told (RFC 7296 §2.8).
  void apply(IkeSa& sa, Transition transition, const dp::PeerPath* answer_to = nullptr);
  struct Applier;
  void apply_one(IkeSa& sa, Action& action);
  void authenticate(IkeSa& sa, Authenticate& action);
  void enforce_uniqueness(const IkeSa& sa, bool initial_contact);
  void post(const IkeSa& sa, unsigned worker, dp::OrderKind kind, dp::ChildInstall child);
  void install(IkeSa& sa, AddChild& action);
  void uninstall(const IkeSa& sa, const ChildSa& child);
  void move_children(const IkeSa& sa);
  void release_at_worker(const IkeSa& sa);
  IkeSa& add_successor(std::unique_ptr<IkeSa> successor);
  void replace_ike(IkeSa& sa, ReplaceIke& action);
  void yield_ike(IkeSa& sa, ike::IkeSpi to);
  void inherit(IkeSa& from, IkeSa& to);
  std::unique_ptr<IkeSa> end(IkeSa& sa);
  void forget(std::unique_ptr<IkeSa> sa);
  void forget_ended();

  // own_requests.cc: what we ask.
  void ask(IkeSa& sa, ike::Exchange exchange, OwnRequest own, ike::PayloadType first,
           crypto::Bytes inner);
  void ask_liveness(IkeSa& sa);
  void ask_delete_ike(IkeSa& sa);
  void ask_delete_child(IkeSa& sa, ike::EspSpi spi_in);
  void ask_next(IkeSa& sa);
  Transition on_answer(const IkeSa& sa, const Answer& answer);

  // timers.cc: what is due.
  void look_after(IkeSa& sa);
  void look_after_established(IkeSa& sa);
  void peer_is_dead(IkeSa& sa);
  std::uint64_t handshake_end_ms(const IkeSa& sa) const;
  void close(IkeSa& sa);
  void schedule(IkeSa& sa);

  // protect.cc: cryptography and letters.
  bool may_store_fragment(IkeSa& sa);
  void drop_fragments(IkeSa& sa);
  bool is_authentic(const IkeSa& sa, crypto::Bytes message, const ike::Header& header);
  ike::SkOutcome unprotect(IkeSa& sa, crypto::Bytes message, const ike::Header& header,
                           ike::OpenedMessage& out);
  Datagrams protect(IkeSa& sa, const ike::Header& header, ike::PayloadType first,
                    crypto::Bytes inner);
  void send(unsigned worker, const dp::PeerPath& path, crypto::Bytes message);
  void send_all(const IkeSa& sa, const dp::PeerPath& path, std::span<const Octets> datagrams);

  Plane& plane_;
  SaTable& table_;
  Recalls recalls_;
  std::size_t called_back_ = 0;  // SAs that came of them and are not closed yet
  EndedSas ended_;
  OrderBox orders_;
  Octets plaintext_ = Octets(ike::kReassembledMax);  // of the message that is being served
  Octets answer_ = Octets(kAnswerMax);               // its answer; both are wiped after it
  std::size_t fragment_stores_ = 0;
  RateLimit crash_answers_{kCrashAnswersPerS};
};

}  // namespace cp
