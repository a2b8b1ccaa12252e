// The worker loop: the packet path as a page.
#include "dataplane/worker.h"

#include <algorithm>

#include "dataplane/worker_state.h"

namespace dp {
namespace {

constexpr std::uint32_t kFragmentRecords = 1024;

// Frames of one burst on their way out by one port.
struct Outgoing {
  std::array<Frame, kBurstMax> frames;
  unsigned count = 0;
  std::uint64_t octets = 0;

  void add(const Frame& frame) {
    frames[count++] = frame;
    octets += frame.len;
  }
  void send(PacketPort& port, WorkerCounters& counters) {
    if (count == 0) return;
    const unsigned sent = port.transmit({frames.data(), count});
    counters.tx_packets.add(sent);
    counters.tx_octets.add(octets);
    counters.drops[static_cast<std::size_t>(Drop::tx_full)].add(count - sent);
  }
};

// Every lane of the burst has left: sends, frees, counts. Packets are conserved: what was received
// is sent, handed over, punted or dropped. `home` is where the burst came from.
void leave(const Burst& burst, PacketPort& home, PacketPort* other, WorkerCounters& counters) {
  Outgoing replies, forwards;
  unsigned drops = 0;
  std::array<Frame, kBurstMax> dead;
  for (unsigned lane : burst.all()) {
    const Verdict verdict = burst.verdict[lane];
    CHECK(verdict != Verdict::live);
    if (burst.reason[lane] != Drop::none)
      counters.drops[static_cast<std::size_t>(burst.reason[lane])].add();
    if (verdict == Verdict::reply)
      replies.add(burst.frame[lane]);
    else if (verdict == Verdict::forward)
      forwards.add(burst.frame[lane]);
    else if (verdict == Verdict::drop || verdict == Verdict::punted)
      dead[drops++] = burst.frame[lane];
  }
  home.release({dead.data(), drops});
  replies.send(home, counters);
  if (forwards.count == 0) return;
  CHECK(other != nullptr);
  counters.forwarded.add(forwards.count);
  forwards.send(*other, counters);
}

// The trip of message 3 and what follows it. Lanes that share a session wait for the next pass.
void serve_sessions(WorkerState& s, LaneSet in) {
  WorkerParts& w = s.parts_;
  AuthTrip& trip = s.auth_trip_;
  while (!in.empty()) {
    const SessionLanes found = find_sessions(s.burst_, in, trip, w);
    s.mark(Stage::find_sessions);
    LaneSet auth = derive_keys(found.auth, trip, w);  // RFC 5723 §5.1
    s.mark(Stage::derive_keys);
    auth = open_auth(s.burst_, auth, trip, w);  // SK{}
    s.mark(Stage::open_auth);
    auth = verify_auth(s.burst_, auth, trip, w);  // identities and AUTH, both forms
    s.mark(Stage::verify_auth);
    establish(s.burst_, auth, trip, w);  // ticket spent, leases, Child SA, message 4
    seal_failures(s.burst_, trip, w);
    s.mark(Stage::establish);
    repeat_answers(s.burst_, found.repeated, w);
    answer_dpd(s.burst_, found.next, w);
    s.mark(Stage::answer_dpd);
    punt(s.burst_, found.control, w);
    s.mark(Stage::punt);
    answer_unknown(s.burst_, found.unknown, w);  // RFC 6290
    s.mark(Stage::answer_unknown);
    in = found.later;
  }
}

// Where packets go that were too long for their way.
enum class Side : std::uint8_t { tunnel, inside };

// Sends the pieces that there are.
void send_pieces(WorkerState& s, Side side) {
  WorkerParts& w = s.parts_;
  Burst& burst = s.pieces_.burst;
  EspTrip& trip = s.pieces_.trip;
  if (burst.count == 0) return;
  if (side == Side::tunnel) {
    seal_esp(burst, encapsulate(burst, burst.all(), trip, w), trip, Verdict::reply, w);
    leave(burst, w.port, nullptr, s.counters_);
  } else {
    forward_inside(burst, burst.all(), trip, w);
    leave(burst, *w.inside, w.inside, s.counters_);
  }
  burst.count = 0;
}

// Packets that are too long for their way leave in pieces, in frames of the port they leave by.
void send_cut(WorkerState& s, Burst& burst, LaneSet in, EspTrip& trip, Side side) {
  WorkerParts& w = s.parts_;
  for (unsigned lane : in) {
    PacketPort& port = side == Side::tunnel ? w.port : *w.inside;
    const std::size_t max =
        side == Side::tunnel ? inner_max(w.esp.at(trip.place[lane]), w.link) : w.inside_link.mtu;
    bool done = cut_packet(burst, lane, trip, max, port, s.pieces_);
    if (!done) {
      send_pieces(s, side);
      done = cut_packet(burst, lane, trip, max, port, s.pieces_);
    }
    burst.drop(lane, done ? Drop::none : Drop::no_buffer);
  }
  send_pieces(s, side);
}

// The way into tunnels; the lanes leave with this verdict.
void serve_tunnels(WorkerState& s, Burst& burst, const Fit& in, EspTrip& trip, Verdict leaves) {
  const LaneSet out = encapsulate(burst, in.whole, trip, s.parts_);
  s.mark(Stage::encapsulate);
  seal_esp(burst, out, trip, leaves, s.parts_);
  send_cut(s, burst, in.pieces, trip, Side::tunnel);
  s.mark(Stage::seal_esp);
}

// ESP of live sessions. What answers or goes to another client leaves through a tunnel again.
void serve_esp(WorkerState& s, LaneSet in) {
  if (in.empty()) return;
  WorkerParts& w = s.parts_;
  EspTrip& trip = s.esp_trip_;
  LaneSet esp = find_esp(s.burst_, in, trip, w);  // RFC 4303 §3.4
  s.mark(Stage::find_esp);
  esp = open_esp(s.burst_, esp, trip, w);  // ICV, replay window, NAT
  s.mark(Stage::open_esp);
  esp = decapsulate(s.burst_, esp, trip, w);  // RFC 4301 §5.2: selectors
  s.mark(Stage::decapsulate);
  const Delivery out = deliver(s.burst_, esp, trip, w);  // to us, to clients, to the inside
  send_cut(s, s.burst_, out.inside_pieces, trip, Side::inside);
  s.mark(Stage::deliver);
  serve_tunnels(s, s.burst_, out.tunnel, trip, Verdict::reply);
}

// The trip of message 1.
void serve_resumes(WorkerState& s, LaneSet in) {
  if (in.empty()) return;
  WorkerParts& w = s.parts_;
  ResumeTrip& trip = s.resume_trip_;
  LaneSet resume = spread_resumes(s.burst_, in, w);
  resume = parse_resume(s.burst_, resume, trip);  // RFC 5723 §4.3.1
  s.mark(Stage::parse_resume);
  resume = admit(s.burst_, resume, trip, w);  // load, cookie, retransmission, limits
  s.mark(Stage::admit);
  resume = open_tickets(s.burst_, resume, trip, w);
  s.mark(Stage::open_tickets);
  resume = accept_tickets(s.burst_, resume, trip, w);  // lifetime, policy, not spent yet
  s.mark(Stage::accept_tickets);
  resume = open_half_open(s.burst_, resume, trip, w);  // SPIr, Nr, message 2
  s.mark(Stage::open_half_open);
  write_replies(s.burst_, resume, trip, w);
  s.mark(Stage::write_replies);
}

// The table, or the first error.
template <class Table>
void take(std::unique_ptr<Table>& to, crypto::Result<std::unique_ptr<Table>> made,
          crypto::Status& status) {
  if (made)
    to = std::move(*made);
  else if (status)
    status = std::unexpected(made.error());
}

// Message 1 of a full handshake.
void serve_initiations(WorkerState& s, LaneSet in) {
  if (in.empty()) return;
  const LaneSet admitted = admit_initiations(s.burst_, in, s.parts_);
  punt(s.burst_, admitted, s.parts_);
  s.mark(Stage::admit_initiations);
}

// What came from the public side.
void serve_outside(WorkerState& s) {
  Burst& burst = s.burst_;
  if (burst.count == 0) return;
  Families in = classify(burst, s.link_);
  s.mark(Stage::classify);
  reassemble(burst, in, s.parts_);
  s.mark(Stage::reassemble);
  s.counters_.link_answers.add(answer_link(burst, in.link, s.link_).size());
  answer_version(burst, in.versions, s.parts_);
  s.mark(Stage::answer_link);

  serve_sessions(s, in.sessions);        // message 3 first: finish what was begun
  serve_esp(s, in.esp);                  // what lives goes before what wants to
  serve_resumes(s, in.resume);           // then message 1
  serve_initiations(s, in.initiations);  // what begins a full handshake comes last

  leave(burst, s.parts_.port, s.parts_.inside, s.counters_);
  s.mark(Stage::transmit);
  s.scratch_.wipe();
}

// What came from the private side: into tunnels.
void serve_inside(WorkerState& s) {
  WorkerParts& w = s.parts_;
  Burst& burst = s.inside_burst_;
  EspTrip& trip = s.esp_trip_;
  if (burst.count == 0) return;
  const InsideFamilies in = classify_inside(burst, trip, w);
  answer_own(burst, in.own, trip, w);
  s.mark(Stage::classify_inside);
  const LaneSet routed = route_out(burst, in.transit, trip, w);
  const Fit out = fit_tunnel(burst, routed, trip, w);
  s.mark(Stage::route_out);
  serve_tunnels(s, burst, out, trip, Verdict::forward);
  leave(burst, *w.inside, &w.port, s.counters_);
  s.mark(Stage::transmit);
}

// Where one port serves both sides, the VLAN tells them apart.
void part_by_vlan(Burst& outside, Burst& inside, const Link& link) {
  unsigned kept = 0;
  for (unsigned lane = 0; lane < outside.count; ++lane) {
    const Frame& frame = outside.frame[lane];
    if (has_vlan({frame.data, frame.len}, link.vlan))
      inside.frame[inside.count++] = frame;
    else
      outside.frame[kept++] = frame;
  }
  outside.count = kept;
}

// Both sides' bursts. Returns how many packets came.
unsigned receive(WorkerState& s) {
  WorkerParts& w = s.parts_;
  Burst &outside = s.burst_, &inside = s.inside_burst_;
  outside.count = w.port.receive(outside.frame);
  inside.count = 0;
  if (w.inside == &w.port)
    part_by_vlan(outside, inside, w.inside_link);
  else if (w.inside != nullptr)
    inside.count = w.inside->receive(inside.frame);
  for (unsigned lane : outside.all()) s.counters_.rx_octets.add(outside.frame[lane].len);
  for (unsigned lane : inside.all()) s.counters_.rx_octets.add(inside.frame[lane].len);
  const unsigned received = outside.count + inside.count;
  if (received != 0) s.mark(Stage::receive);
  return received;
}

}  // namespace

unsigned Worker::run_once(const Now& now) {
  WorkerState& s = *state_;
  s.begin_burst(now);
  const std::uint64_t started = s.last_mark_;
  if (serve_orders(s.parts_) != 0) s.mark(Stage::serve_orders);  // the control thread's wishes
  const unsigned received = receive(s);
  serve_outside(s);
  serve_inside(s);
  send_waiting(s.parts_);
  if (received == 0) s.counters_.busy_cycles.add(s.last_mark_ - started);
  upkeep(s.parts_);
  ring_bell(s.parts_);
  if (received == 0) {
    s.counters_.idle_bursts.add();
    return 0;
  }
  s.mark(Stage::upkeep);
  s.counters_.bursts.add();
  s.counters_.rx_packets.add(received);
  s.counters_.busy_cycles.add(s.last_mark_ - started);
  return received;
}

SharedState::SharedState(const WorkerConfig& worker_config)
    : config(worker_config),
      quiescence(worker_config.worker_count),
      keyring(quiescence),
      denied(quiescence),
      leases(worker_config.child.pool4, worker_config.child.pool6),
      esp_routes(worker_config.child.pool4, worker_config.child.pool6) {
  for (unsigned i = 0; i < config.worker_count; ++i) seams.push_back(std::make_unique<Seam>());
  crypto::Random random;
  random.fill(spi_secret);
  random.fill(cookie_seed);
  random.fill(qcd_secret);
  spread_secret = random.u64();
}

WorkerState::WorkerState(unsigned index, SharedState& shared,
                         std::unique_ptr<crypto::Engine> engine, PacketPort& port, const Link& link,
                         std::unique_ptr<crypto::Random> random, Tables tables, CycleClock cycles,
                         const InsidePort* inside)
    : shared_(shared),
      cycles_(cycles),
      link_(link),
      inside_link_(inside != nullptr ? inside->link : link_of(shared.config.inside, Mac{})),
      engine_(std::move(engine)),
      random_(std::move(random)),
      codec_(std::move(tables.codec)),
      sessions_(std::move(tables.sessions)),
      esp_(std::move(tables.esp)),
      esp_keys_(std::move(tables.esp_keys)),
      fragments_(std::move(tables.fragments)),
      reassembler_(std::move(tables.reassembler)),
      requests_(2 * shared.config.admission.half_open_max, random_->u64()),
      sources_(shared.config.admission.half_open_per_prefix,
               shared.config.admission.answers_per_source_per_s, random_->u64()),
      cookies_(*engine_, shared.cookie_seed, shared.config.admission),
      ticket_keys_(*engine_, shared.config.admission.new_issuers_per_s),
      mint_(shared.issuers[index]),
      parts_{.index = index,
             .config = shared.config,
             .engine = *engine_,
             .port = port,
             .inside = inside != nullptr ? inside->port : nullptr,
             .link = link_,
             .inside_link = inside_link_,
             .random = *random_,
             .codec = *codec_,
             .sessions = *sessions_,
             .esp = *esp_,
             .esp_keys = *esp_keys_,
             .esp_routes = shared.esp_routes,
             .neighbours = shared.neighbours,
             .waiting = waiting_,
             .fragments = *fragments_,
             .reassembler = *reassembler_,
             .requests = requests_,
             .sources = sources_,
             .cookies = cookies_,
             .ticket_keys = ticket_keys_,
             .mint = mint_,
             .leases = shared.leases,
             .used = *shared.used,
             .issuer_requests = shared.issuer_requests,
             .close_boxes = shared.close_boxes,
             .seam = *shared.seams[index],
             .doorbell = shared.doorbell,
             .waiting_ends = waiting_ends_,
             .sa_init_cookies = shared.sa_init_cookies,
             .spread_secret = shared.spread_secret,
             .qcd_secret = shared.qcd_secret,
             .scratch = scratch_,
             .counters = counters_,
             .now = {}} {
  inside_burst_.from_inside = true;
}

void WorkerState::begin_burst(const Now& now) {
  shared_.quiescence.quiet(parts_.index);
  // The wall clock may go back, but no expired ticket becomes good by that.
  parts_.now = {.ms = now.ms, .unix_s = std::max(now.unix_s, parts_.used.latest_s())};
  parts_.keyring = shared_.keyring.load();
  parts_.denied = shared_.denied.load();
  ticket_keys_.begin_burst(parts_.keyring, parts_.now);
  cookies_.tick(now, 0);
  reassembler_->begin_burst();
  last_mark_ = cycles_();
}

crypto::Result<std::unique_ptr<Worker>> Worker::make(unsigned index, SharedState& shared,
                                                     std::unique_ptr<crypto::Engine> engine,
                                                     PacketPort& port, const Link& link,
                                                     std::unique_ptr<crypto::Random> random,
                                                     CycleClock cycles, const InsidePort* inside) {
  CHECK(shared.used != nullptr && shared.keyring.load() != nullptr);
  Tables tables{.codec = std::make_unique<SpiCodec>(shared.spi_secret)};
  const SessionTable::Limits limits{.sessions_max = shared.config.sessions_max,
                                    .half_open_max = shared.config.admission.half_open_max};
  crypto::Status status;
  take(tables.sessions, SessionTable::make(limits, static_cast<std::uint8_t>(index), *tables.codec),
       status);
  take(tables.esp, EspTable::make(shared.config, index, random->u64()), status);
  take(tables.esp_keys, EspKeyCache::make(), status);
  take(tables.fragments, Fragments::make(kFragmentRecords), status);
  take(tables.reassembler, Reassembler::make(random->u64()), status);
  if (!status) return std::unexpected(status.error());
  auto state = std::make_unique<WorkerState>(index, shared, std::move(engine), port, link,
                                             std::move(random), std::move(tables), cycles, inside);
  return std::unique_ptr<Worker>(new Worker(std::move(state)));
}

Worker::Worker(std::unique_ptr<WorkerState> state) : state_(std::move(state)) {}
Worker::~Worker() = default;

const WorkerCounters& Worker::counters() const { return state_->counters_; }
std::size_t Worker::bytes_per_session() const { return state_->sessions_->bytes_per_session(); }

}  // namespace dp
