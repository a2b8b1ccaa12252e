// The stages of the packet path, in packet order: the table of contents of the data plane.
//
// A stage takes a burst and a set of lanes, does one thing to all of them, and returns the lanes
// that go on. A lane that does not go on has left with a verdict (reply, handed over, drop) or
// waits in one of its trip's sets for write_replies / seal_failures. Each stage is in the file of
// its name. Worker thread only.
#pragma once

#include "crypto/keyring.h"
#include "crypto/random.h"
#include "dataplane/answer_link.h"
#include "dataplane/api/config.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/seam.h"
#include "dataplane/burst.h"
#include "dataplane/classify.h"
#include "dataplane/cookie_jar.h"
#include "dataplane/esp_key_cache.h"
#include "dataplane/esp_routes.h"
#include "dataplane/esp_table.h"
#include "dataplane/esp_trip.h"
#include "dataplane/fragments.h"
#include "dataplane/frame.h"
#include "dataplane/lease_table.h"
#include "dataplane/neighbour_queue.h"
#include "dataplane/neighbour_table.h"
#include "dataplane/now.h"
#include "dataplane/request_index.h"
#include "dataplane/scratch.h"
#include "dataplane/session_table.h"
#include "dataplane/source_limits.h"
#include "dataplane/ticket_keys.h"
#include "dataplane/ticket_mint.h"
#include "dataplane/trips.h"

namespace dp {

class Reassembler;
class WaitingEnds;

// Everything of a worker that outlives a burst, as the stages see it.
struct WorkerParts {
  unsigned index;  // also the owner octet of our SPIs
  const WorkerConfig& config;
  crypto::Engine& engine;
  PacketPort& port;         // outside
  PacketPort* inside;       // null: there is none
  const Link& link;         // of the outside
  const Link& inside_link;  // our addresses there; no MAC without an inside port
  crypto::Random& random;
  SpiCodec& codec;
  SessionTable& sessions;
  EspTable& esp;
  EspKeyCache& esp_keys;
  EspRoutes& esp_routes;
  NeighbourTable& neighbours;  // on the inside
  NeighbourQueue& waiting;     // for them
  Fragments& fragments;
  Reassembler& reassembler;
  RequestIndex& requests;
  SourceLimits& sources;
  CookieJar& cookies;
  TicketKeys& ticket_keys;
  TicketMint& mint;
  LeaseTable& leases;
  UsedSet& used;
  IssuerRequests& issuer_requests;
  std::array<CloseBox, kWorkersMax>& close_boxes;
  Seam& seam;
  Doorbell& doorbell;
  WaitingEnds& waiting_ends;
  const std::atomic<bool>& sa_init_cookies;  // the control thread wants them demanded
  std::uint64_t spread_secret;
  crypto::Bytes qcd_secret;
  Scratch& scratch;
  WorkerCounters& counters;
  // Taken once per burst.
  Now now;
  const crypto::KeyringSnapshot* keyring = nullptr;
  const DenyList* denied = nullptr;
  std::uint32_t sweep_slot = 0;  // where upkeep looks for old sessions next
  bool bell_is_due = false;      // letters were posted in this burst
};

// IP fragments: the lane that completes a datagram joins the family of that.
void reassemble(Burst& burst, Families& families, WorkerParts& w);

// INVALID_MAJOR_VERSION for requests of a later IKE (RFC 7296 §2.5).
void answer_version(Burst& burst, LaneSet in, WorkerParts& w);

// Messages that the control thread wants sent, and what becomes of its SAs: a bounded number of
// letters. Returns how many.
unsigned serve_orders(WorkerParts& w);

// --- Message 3: IKE_AUTH of a resumed SA (RFC 5723 §4.3.3), and what follows it
// -----------------------

// What the lanes with a responder SPI are. At most one lane per session; the others stay in
// `later`.
struct SessionLanes {
  LaneSet auth;      // message 3 of a half-open session
  LaneSet repeated;  // the last request of an established session, again
  LaneSet next;      // the next request of an established session
  LaneSet later;     // another lane of this burst has the same session
  LaneSet control;   // of an IKE SA that the control thread has
  LaneSet unknown;   // requests of an IKE SA that nobody has
};
// Our SPI -> slot by arithmetic; sessions of other workers go to their owners.
SessionLanes find_sessions(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w);
// SKEYSEED and SK_* of sessions that have none yet (RFC 5723 §5.1).
LaneSet derive_keys(LaneSet in, AuthTrip& trip, WorkerParts& w);
// Opens SK{} and reads what is inside.
LaneSet open_auth(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w);
// Identities and AUTH in either form; computes our own AUTH.
LaneSet verify_auth(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w);
// Spends the ticket, leases addresses, makes the Child SA, issues the new ticket, seals message 4.
LaneSet establish(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w);
// Protected error answers; the half-open session ends.
void seal_failures(Burst& burst, AuthTrip& trip, WorkerParts& w);
// Sends the kept answer again, after the ICV was checked.
void repeat_answers(Burst& burst, LaneSet in, WorkerParts& w);
// Liveness checks of established sessions (RFC 7296 §2.4). Any other authentic request makes the
// worker hand its session over to the control thread.
void answer_dpd(Burst& burst, LaneSet in, WorkerParts& w);
// Requests of IKE SAs that nobody has: INVALID_IKE_SPI and the QCD token, within the budget of
// their source (RFC 6290).
void answer_unknown(Burst& burst, LaneSet in, WorkerParts& w);
// Messages for the control thread leave for it.
void punt(Burst& burst, LaneSet in, WorkerParts& w);

// --- ESP: packets of live sessions, after message 3 and before message 1
// -----------------------------------

// SPI -> worker and place by arithmetic, replay pre-check (RFC 4303 §3.4).
LaneSet find_esp(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);
// Opens the texts, moves windows, follows peers that NAT gave a new address.
LaneSet open_esp(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);
// Padding, inner header, selectors and inner source, ECN.
LaneSet decapsulate(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);
// Echo requests to our inside addresses become replies.
LaneSet answer_inner(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);
// Inner destination -> Child SA; what another worker has goes to it.
LaneSet route_out(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);
// Sequence number, padding, outer headers.
LaneSet encapsulate(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);
// Seals the texts; the lanes leave with this verdict.
void seal_esp(Burst& burst, LaneSet in, EspTrip& trip, Verdict leaves, WorkerParts& w);

// Whether the SA's selectors allow this packet to its peer.
bool selects(const InnerPacket& inner, const std::uint8_t* packet, const EspSa& sa, WorkerParts& w);
// The longest packet that the tunnel carries in one outer packet.
std::size_t inner_max(const EspSa& sa, const Link& link);
// What a route to this inner address is kept under.
struct RouteKey {
  EspRoutes::Family family;
  std::uint32_t lease;  // LeaseTable::kNone: not of the pools
};
RouteKey route_key(const InnerPacket& inner, const std::uint8_t* address, const LeaseTable& leases);
// Whether the address is one of the pools.
inline bool is_pooled(const InnerPacket& inner, const std::uint8_t* address,
                      const LeaseTable& leases) {
  return route_key(inner, address, leases).lease != LeaseTable::kNone;
}

// --- Message 1: IKE_SESSION_RESUME (RFC 5723 §4.3.1-2)
// ----------------------------------------------

// Hands requests to their workers when the device does not do it; those of this worker go on.
LaneSet spread_resumes(Burst& burst, LaneSet in, WorkerParts& w);
LaneSet parse_resume(Burst& burst, LaneSet in, ResumeTrip& trip);
// Load, cookies, retransmissions, limits: everything that is cheaper than opening a ticket.
LaneSet admit(Burst& burst, LaneSet in, ResumeTrip& trip, WorkerParts& w);
// Key by id, one bulk open, decode.
LaneSet open_tickets(Burst& burst, LaneSet in, ResumeTrip& trip, WorkerParts& w);
// Lifetime, policy, revocation, not spent yet.
LaneSet accept_tickets(Burst& burst, LaneSet in, ResumeTrip& trip, WorkerParts& w);
// A slot, an SPIr and message 2; keys are derived when message 3 comes.
LaneSet open_half_open(Burst& burst, LaneSet in, ResumeTrip& trip, WorkerParts& w);
// Message 2, TICKET_NACK and COOKIE challenges go into their frames.
void write_replies(Burst& burst, LaneSet opened, ResumeTrip& trip, WorkerParts& w);

// --- Message 1 of a full handshake: IKE_SA_INIT (RFC 7296 §1.2)
// ----------------------------------------------

// Cookies under load, and a bounded number per burst: the lanes that the control thread shall see.
LaneSet admit_initiations(Burst& burst, LaneSet in, WorkerParts& w);

// --- Between bursts
// ---------------------------------------------------------------------------------

// Half-open time-outs, old sessions, sessions that other workers replaced: a bounded piece per
// call.
void upkeep(WorkerParts& w);
// Ends a half-open session and gives back what it counted against.
void end_half(HalfOpen& half, WorkerParts& w);
// Ends an established session: leases, retransmission entry, slot.
void end_session(std::uint32_t slot, WorkerParts& w);
// A client resumed the session of these SPIs (0 = SPIi is not known here): it ends silently (RFC
// 5723 §4.3.4). The control thread is told when it has the session.
void end_replaced(ike::IkeSpi spi_i, ike::IkeSpi spi_r, WorkerParts& w);

// The lane's session leaves for the control thread together with its message.
void adopt(Burst& burst, unsigned lane, std::uint32_t slot, WorkerParts& w);
// The established session of this SPI leaves for the control thread because that one asked; nothing
// when it is gone.
void recall(ike::IkeSpi spi_r, WorkerParts& w);
// The control thread needs the slot of an adopted session no more.
void release(ike::IkeSpi spi_r, WorkerParts& w);
// Answers a question of the control thread: which resumed SAs this worker serves, what Child SAs
// have carried. The answer is lost, and counted, when a ring has no room.
void report(const Order& order, WorkerParts& w);
// Keeps the way that the lane's request came.
void note_path(Session& session, const Burst& burst, unsigned lane);
void note_path(Session& session, const PeerPath& path);

// Puts a Child SA at a place of ours and leads its leased addresses there; what stood there goes.
// False when its selectors find no room.
bool install_child(std::uint32_t place, const EspInstall& child, const PeerPath& path,
                   WorkerParts& w);
// Ends the Child SA at this place, if there is one.
void remove_child(std::uint32_t place, WorkerParts& w);
// Whether this SA may carry another packet this way. Tells the control thread when a rekey is due
// and when it is too late for one. Call it for SAs that are `limited`.
bool may_carry(std::uint32_t place, EspSa& sa, EspKeyCache::Way way, WorkerParts& w);
// Tells whoever has the IKE SA where the peer of this SA is now; the control thread at most once a
// second, and when its ring is full `sa.move_is_untold` remembers it.
void tell_move(std::uint32_t place, EspSa& sa, WorkerParts& w);
// From now on we send by the SA that replaces the one at this place, if there is one.
void use_successor(std::uint32_t place, WorkerParts& w);
// install_child, remove_child and move_child of the control thread.
void obey_child(const Order& order, WorkerParts& w);
// Whether these selectors are the leased addresses, all of them and nothing else.
bool is_leases_only(const ike::SelectorList& remote, std::uint32_t ip4_lease,
                    std::uint32_t ip6_lease, const WorkerParts& w);
// Wakes the control thread when letters were posted.
void ring_bell(WorkerParts& w);

// The lane leaves for another worker, or is dropped when that one's ring is full.
void hand_over(Burst& burst, unsigned lane, unsigned worker, WorkerParts& w);

// Refuses message 1 with TICKET_NACK; `why` is counted.
inline void refuse(Burst& burst, unsigned lane, Drop why, ResumeTrip& trip) {
  burst.reason[lane] = why;
  trip.refused.add(lane);
}
// Answers message 3 with one protected error notify; `why` is counted.
inline void fail(Burst& burst, unsigned lane, Drop why, ike::Notify notify, AuthTrip& trip) {
  burst.reason[lane] = why;
  trip.error[lane] = notify;
  trip.failed.add(lane);
}

}  // namespace dp
