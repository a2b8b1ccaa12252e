// What clients, strangers and time do to a control plane, and what must hold then.
#include "tests/controlplane/plane_world.h"

#include <spdlog/sinks/null_sink.h>

#include <algorithm>
#include <filesystem>

#include "crypto/base/error.h"
#include "tests/controlplane/sa_text.h"

namespace cp {
namespace {

constexpr unsigned kStepsMax = 48;
constexpr std::size_t kLogMax = 16;

constexpr const char* kProposals =
    "['aes256gcm16-prfsha256-x25519-ke1_ecp256-ke4_none-ke4_ecp384',"
    " 'aes256gcm16-prfsha256-x25519']";

std::string psk_connection(std::string_view name, std::string_view more) {
  return fmt::format(
      "[connections.{0}]\nproposals = {1}\n{2}\n"
      "[connections.{0}.local]\nauth = 'psk'\nid = 'gw.example.org'\n"
      "[connections.{0}.remote]\nauth = 'psk'\n[secrets.ike-all]\nsecret = 'secret'\n",
      name, kProposals, more);
}

// Clients choose between asking and told by IDr: whether RADIUS hears of an identity of theirs.
std::string eap_connections(const support::TestPki& pki, std::string_view more) {
  std::string text;
  for (const auto& [name, eap_id] : {std::pair{"asking", ""}, {"told", "eap_id = 'somebody'\n"}})
    text += fmt::format(
        "[connections.{0}]\nproposals = {1}\n{2}\n"
        "[connections.{0}.local]\nauth = 'pubkey'\nid = '{0}.example.org'\n"
        "certs = '{3}'\nprivate_key = '{4}'\n"
        "[connections.{0}.remote]\nauth = 'eap-radius'\n{5}",
        name, kProposals, more, pki.path("gw.pem"), pki.path("gw.key"), eap_id);
  return text;
}

std::string radius_section(const support::TestPki& pki) {
  return fmt::format("[radius.servers.one]\naddress = '127.0.0.1'\nsecret_file = '{}'\n",
                     pki.path("radius.secret"));
}

const support::TestPki& make_pki(support::TestPki& pki) {
  pki.make({.name = "gw",
            .issuer = "gw",
            .extensions = "basicConstraints=CA:FALSE\n"
                          "subjectAltName=DNS:asking.example.org,DNS:told.example.org\n"});
  pki.write("radius.secret", PlaneWorld::kRadiusSecret);
  std::filesystem::permissions(pki.path("radius.secret"), std::filesystem::perms::owner_read);
  return pki;
}

std::array<std::string, 4> all_policies(const support::TestPki& pki) {
  const std::string replace = "unique = 'replace'\nrekey_time = '5m'";
  const std::string keep = "unique = 'keep'\ntickets = false\nrevoke_tickets_on_delete = true";
  return {psk_connection("rw", "") + eap_connections(pki, ""),
          psk_connection("rw", replace) + eap_connections(pki, replace),
          psk_connection("other", ""), psk_connection("rw", keep) + eap_connections(pki, keep)};
}

std::unique_ptr<RadiusClient> radius_client(const support::RadiusServerSocket& server) {
  static spdlog::logger silent("radius", std::make_shared<spdlog::sinks::null_sink_st>());
  RadiusSettings settings{.servers = {}, .timeout_ms = 1000, .tries = 2, .sockets = 1};
  const std::string_view secret = PlaneWorld::kRadiusSecret;
  settings.servers.push_back({.name = "one",
                              .address = server.address(),
                              .port = server.port(),
                              .secret = crypto::SecretBytes(Octets(secret.begin(), secret.end()))});
  return RadiusClient::open(std::move(settings), silent).value();
}

}  // namespace

const std::array<PlaneWorld::Operation, 28> PlaneWorld::kOperations = {
    &PlaneWorld::begin,
    &PlaneWorld::authenticate,
    &PlaneWorld::say_anything,
    &PlaneWorld::say_anything_fragmented,
    &PlaneWorld::inform,
    &PlaneWorld::rekey_child,
    &PlaneWorld::rekey_ike,
    &PlaneWorld::answer,
    &PlaneWorld::move,
    &PlaneWorld::speak_clear,
    &PlaneWorld::replay,
    &PlaneWorld::damage,
    &PlaneWorld::pass_time,
    &PlaneWorld::fall_silent,
    &PlaneWorld::terminate,
    &PlaneWorld::start_rekey,
    &PlaneWorld::adopt,
    &PlaneWorld::supersede,
    &PlaneWorld::reload,
    &PlaneWorld::stall,
    &PlaneWorld::start_child_rekey,
    &PlaneWorld::begin_hybrid,
    &PlaneWorld::intermediate,
    &PlaneWorld::followup,
    &PlaneWorld::begin_eap,
    &PlaneWorld::say_eap,
    &PlaneWorld::answer_radius,
    &PlaneWorld::finish_eap};

PlaneWorld::PlaneWorld()
    : policies_(all_policies(make_pki(pki_))),
      rig_(policies_[0], radius_section(pki_), radius_client(server_)) {
  rig_.plane().plane().log.set_level(spdlog::level::off);
}

void PlaneWorld::run(crypto::Bytes octets) {
  reader_ = crypto::ByteReader(octets);
  std::uint8_t step = 0;
  for (unsigned i = 0; i < kStepsMax && reader_.u8(step); ++i) {
    (this->*kOperations[step % 64 % kOperations.size()])(peers_[step / 64]);
    check();
  }
  settle();
}

std::uint8_t PlaneWorld::arg() {
  std::uint8_t value = 0;
  return reader_.u8(value) ? value : std::uint8_t{0};
}

Octets PlaneWorld::octets_of_arg() {
  crypto::Bytes taken;
  const std::size_t len = arg();
  CHECK(reader_.take(std::min(len, reader_.remaining()), taken));
  return {taken.begin(), taken.end()};
}

IkeSa* PlaneWorld::sa_of(const Peer& p) {
  if (p.stage == Stage::none) return nullptr;
  return rig_.sa(p.client->is_responder ? p.client->spi_i : p.client->spi_r);
}

PlaneWorld::Peer& PlaneWorld::next_to(const Peer& p) {
  return peers_[static_cast<std::size_t>(&p - peers_.data() + 1) % peers_.size()];
}

void PlaneWorld::prepare(Peer& p) {
  if (const IkeSa* sa = sa_of(p)) p.client->message_id = sa->window.next_request().value();
  const std::uint8_t at = arg(), with = arg();
  p.client->alter_inner = [at, with](Octets& inner) {
    if (!inner.empty()) inner[at % inner.size()] ^= with;
  };
}

std::vector<Octets> PlaneWorld::deliver(const Octets& message, const dp::PeerPath& path) {
  if (log_.size() == kLogMax) log_.erase(log_.begin());
  log_.push_back({message, path});
  rig_.deliver(message, path);
  return serve();
}

std::vector<Octets> PlaneWorld::serve() {
  rig_.serve();
  for (const PlaneRig::Told& order : rig_.orders) note_order(order);
  rig_.orders.clear();
  std::vector<Octets> responses;
  for (PlaneRig::Sent& sent : rig_.sent) {
    ike::Header header;
    CHECK(ike::parse_header(sent.message, header) == ike::ParseError::none);
    if (header.is_response())
      responses.push_back(std::move(sent.message));
    else
      sort_request(sent.message);
  }
  rig_.sent.clear();
  return responses;
}

// A Child SA is installed once, and removed once; nothing else is said about one that is not there.
void PlaneWorld::note_order(const PlaneRig::Told& order) {
  switch (order.kind) {
    case dp::OrderKind::install_child:
      CHECK(installed_.insert(order.child_in.value()).second);
      break;
    case dp::OrderKind::remove_child:
      CHECK(installed_.erase(order.child_in.value()) == 1);
      break;
    case dp::OrderKind::move_child:
      CHECK(installed_.contains(order.child_in.value()));
      break;
    case dp::OrderKind::transmit:
    case dp::OrderKind::release:
    case dp::OrderKind::recall:
    case dp::OrderKind::report_sas:
    case dp::OrderKind::report_children:
      break;
  }
}

void PlaneWorld::sort_request(const Octets& message) {
  for (Peer& p : peers_) {
    if (p.stage != Stage::up) continue;
    auto opened = p.client->open({message});
    if (!opened.ok || opened.header.spi_i != p.client->spi_i) continue;
    p.asked = std::move(opened);
    return;
  }
}

void PlaneWorld::check() {
  std::size_t authenticated = 0, leases = worker_leases_.size(), children = 0, asking_radius = 0;
  rig_.sas().for_each([&](IkeSa& sa) {
    check_sa(sa);
    if (is_authenticated(sa.state)) ++authenticated;
    if (sa.window.answer_pending()) ++asking_radius;
    if (sa.ip4) ++leases;
    CHECK(!sa.ip6);
    children += sa.children.size();
    if (!rig_.workers().orders_full)
      for (const ChildSa& child : sa.children) CHECK(installed_.contains(child.spi_in.value()));
  });
  CHECK(rig_.sas().authenticated_count() == authenticated);
  CHECK(rig_.plane().radius()->outstanding() == asking_radius);
  CHECK(rig_.workers().leases().held4() == leases);
  if (!rig_.workers().orders_full) CHECK(installed_.size() == children);
  std::erase_if(windows_, [&](const auto& w) { return rig_.sa(ike::IkeSpi(w.first)) == nullptr; });
}

void PlaneWorld::check_sa(const IkeSa& sa) {
  CHECK(rig_.sa(sa.our_spi()) == &sa);
  CHECK(sa.state != SaState::closed);
  CHECK((sa.handshake != nullptr) == !is_authenticated(sa.state));
  CHECK((sa.state == SaState::eap) == (sa.handshake != nullptr && sa.handshake->eap != nullptr));
  CHECK(sa.pending_ke == nullptr || sa.state == SaState::established);
  // RADIUS alone may keep a client waiting for its answer.
  CHECK(sa.window.answer_pending() ==
        (sa.state == SaState::eap &&
         sa.handshake->eap->progress() == EapAuthenticator::Progress::waiting));
  CHECK(sa.scheduled_ms != ExchangeWindow::kNever);
  CHECK(sa.window.is_asking() == (sa.own.asking != Asking::nothing));
  if (sa.state != SaState::established || is_rival(sa)) CHECK(sa.children.empty() && !sa.ip4);
  if (is_rival(sa)) {
    const IkeSa* old = rig_.sa(sa.rival_of);
    CHECK(old != nullptr && old->state == SaState::established);
    CHECK(old->own.asking == Asking::rekey_ike && old->own.collided_ike == sa.our_spi());
  }
  const auto found = rig_.sas().find_identity(sa.peer_id);
  CHECK(std::ranges::count(found, &sa) == (is_authenticated(sa.state) ? 1 : 0));
  auto& [next, own] = windows_[sa.our_spi().value()];
  CHECK(next <= sa.window.next_request().value() && own <= sa.window.own_id().value());
  next = sa.window.next_request().value();
  own = sa.window.own_id().value();
}

// Everybody is silent: whatever waits for somebody ends.
void PlaneWorld::settle() {
  rig_.workers().orders_full = false;
  serve();
  for (const auto& [address, holder] : worker_leases_) rig_.workers().release4(address, holder);
  worker_leases_.clear();
  check();
  for (unsigned i = 0; rig_.sas().size() != 0; ++i) {
    CHECK(i < 2000);
    const std::uint64_t due_ms = rig_.plane().next_deadline_ms();
    CHECK(due_ms != ExchangeWindow::kNever);
    if (due_ms > rig_.now().ms) rig_.pass_ms(due_ms - rig_.now().ms);
    serve();
  }
  check();
  CHECK(installed_.empty() && windows_.empty());
  CHECK(rig_.sas().half_open_count() == 0);
  if (policy_ != 0) rig_.reload(policies_[policy_ = 0]);
  for (Peer& p : peers_) p = {};
  while (server_.receive()) continue;
  questions_.clear();
  log_.clear();
  if (++serial_ % 256 == 0) clean_tickets();
}

// Used-sets of expired tickets go, so that a long run does not fill the disk.
void PlaneWorld::clean_tickets() {
  rig_.pass_ms(std::uint64_t{27} * 3600 * 1000);
  for (int i = 0; i < 2; ++i) CHECK(rig_.workers().sweep_issuers(rig_.now().unix_s));
}

std::string PlaneWorld::all_texts() {
  std::map<std::uint64_t, std::string> by_spi;
  rig_.sas().for_each([&](IkeSa& sa) { by_spi[sa.our_spi().value()] = text_of(sa); });
  std::string all;
  for (const auto& [spi, text] : by_spi) all += text;
  return all;
}

void PlaneWorld::speak_clear(Peer& p) {
  if (p.stage == Stage::none) return;
  const std::uint8_t exchange = arg();
  ike::Header header{
      .spi_i = p.client->spi_i,
      .spi_r = p.client->spi_r,
      .next_payload = static_cast<ike::PayloadType>(arg()),
      .exchange = static_cast<ike::Exchange>(exchange % 2 == 0 ? exchange : 34 + exchange % 8),
      .flags = arg()};
  if (const IkeSa* sa = sa_of(p)) header.message_id = sa->window.next_request();
  const Octets body = octets_of_arg();
  Octets message(ike::kHeaderLen);
  header.length = static_cast<std::uint32_t>(message.size() + body.size());
  ike::write_header(header, message.data());
  message.insert(message.end(), body.begin(), body.end());
  const std::string before = all_texts();
  deliver(message, p.path);
  if (header.exchange != ike::Exchange::ike_sa_init) CHECK(all_texts() == before);
}

void PlaneWorld::replay(Peer& p) {
  if (log_.empty()) return;
  const Logged old = log_[arg() % log_.size()];
  const bool elsewhere = arg() % 2 != 0;
  deliver(old.message, elsewhere ? p.path : old.path);
}

void PlaneWorld::damage(Peer&) {
  if (log_.empty()) return;
  Logged old = log_[arg() % log_.size()];
  const std::uint8_t how = arg();
  const std::size_t at = (std::size_t{arg()} << 8 | arg()) % old.message.size();
  if (how % 2 == 0) {
    old.message.resize(at);
  } else {
    old.message[at] ^= static_cast<std::uint8_t>(how | 1);
  }
  const bool sa_init =
      old.message.size() > 18 && ike::Exchange{old.message[18]} == ike::Exchange::ike_sa_init;
  const std::string before = all_texts();
  rig_.deliver(old.message, old.path);
  serve();
  if (!sa_init) CHECK(all_texts() == before);
}

void PlaneWorld::pass_time(Peer&) {
  const std::uint64_t amount = arg();
  rig_.pass_ms(amount < 128 ? amount * 10 : (amount - 127) * 5000);
  serve();
}

void PlaneWorld::fall_silent(Peer& p) { p.asked.reset(); }

void PlaneWorld::terminate(Peer& p) {
  if (IkeSa* sa = sa_of(p)) rig_.plane().machine().terminate(*sa);
  serve();
}

void PlaneWorld::start_rekey(Peer& p) {
  if (IkeSa* sa = sa_of(p)) rig_.plane().machine().start_rekey(*sa);
  serve();
}

void PlaneWorld::start_child_rekey(Peer& p) {
  IkeSa* sa = sa_of(p);
  const std::size_t which = arg();
  if (sa != nullptr && !sa->children.empty())
    rig_.plane().machine().start_child_rekey(*sa, sa->children[which % sa->children.size()].spi_in);
  serve();
}

void PlaneWorld::supersede(Peer& p) {
  const IkeSa* sa = sa_of(p);
  if (sa == nullptr || !is_authenticated(sa->state)) return;
  const ike::IkeSpi resumed(0xb000'0000'0000'0000 + ++serial_);
  if (sa->ip4) {
    CHECK(rig_.workers().lease4(&*sa->ip4, resumed, sa->our_spi(), 0) == sa->ip4);
    worker_leases_.emplace_back(*sa->ip4, resumed);
  }
  auto punt = std::make_unique<dp::Punt>();
  punt->kind = dp::PuntKind::superseded;
  punt->spi_i = sa->peer_spi();
  punt->spi_r = sa->our_spi();
  rig_.deliver(*punt);
  serve();
}

void PlaneWorld::reload(Peer&) {
  policy_ = arg() % static_cast<unsigned>(policies_.size());
  rig_.reload(policies_[policy_]);
}

void PlaneWorld::stall(Peer&) {
  rig_.workers().orders_full = !rig_.workers().orders_full;
  serve();
}

}  // namespace cp
