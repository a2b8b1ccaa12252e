// Minting single tickets, sending single messages, comparing counters.
#include "tests/support/gateway_probe.h"

#include <algorithm>

#include "crypto/base/error.h"
#include "dataplane/spi_codec.h"

namespace rig {
namespace {

// Far from the serials that GatewayRig::mint counts from 1.
constexpr std::uint64_t kFirstSerial = 1u << 20;

}  // namespace

bool Reaction::is_nack() const {
  if (answers.size() != 1) return false;
  const std::optional<RawMessage> m = read_message(answers[0]);
  return m && answers[0].size() == 36 && m->spi_r == 0 && m->message_id == 0 && m->flags == 0x20 &&
         m->version == 0x20 && m->exchange == ike::Exchange::ike_session_resume &&
         m->payloads.size() == 1 && m->notify(ike::Notify::ticket_nack) == Octets{} &&
         m->payloads[0].second_octet == 0;
}

std::string Reaction::describe() const {
  std::string text = std::to_string(answers.size()) + " answers";
  for (const auto& [why, count] : drops) {
    text += ' ';
    text += dp::drop_name(why);
    text += '=';
    text += std::to_string(count);
  }
  return text;
}

GatewayProbe::GatewayProbe(const Options& options) : gateway(options) {}

Keepsake GatewayProbe::keepsake(const TicketEdit& edit) {
  const std::uint32_t n = minted_++;
  crypto::Random random(0x7e57'0000 + n);
  Keepsake kept;
  kept.suite = edit.suite;
  kept.spi_i = random.u64() | 1;
  kept.spi_r = random.u64() | 1;
  kept.sk_d.resize(ike::prf_len(edit.suite));
  random.fill(kept.sk_d);
  kept.id_i = Octets{2, 0, 0, 0} + Octets(edit.id_len - 8, 'c') + be32(n);
  kept.id_r = Octets{2, 0, 0, 0} + Octets(edit.id_len - 4, 'g');

  const dp::WorkerConfig& config = gateway.shared().config;
  ike::TicketState state;
  state.expires_s = gateway.now.unix_s + 3600;
  state.full_auth_s = gateway.now.unix_s - 60;
  state.connection = config.connections.at(0).id;
  state.policy_generation = config.tickets.policy_generation;
  state.spi_i = ike::IkeSpi(kept.spi_i);
  state.spi_r = ike::IkeSpi(kept.spi_r);
  state.suite = edit.suite;
  state.flags.has_ip4 = edit.ip4;
  state.flags.has_ip6 = edit.ip6;
  crypto::store_be32(state.ip4.data(), crypto::load_be32(config.child.pool4.base.data()) + n);
  state.ip6 = config.child.pool6.base;
  crypto::store_be32(state.ip6.data() + 12, n);
  state.sk_d = kept.sk_d;
  state.id_i = kept.id_i;
  state.id_r = kept.id_r;
  if (edit.state) edit.state(state);
  if (state.flags.has_ip4) kept.ip4 = Octets(state.ip4.begin(), state.ip4.end());
  if (state.flags.has_ip6) kept.ip6 = Octets(state.ip6.begin(), state.ip6.end());

  const crypto::TicketKey& key = edit.key != nullptr ? *edit.key : gateway.keyring().current();
  ike::TicketHeader header{key.id, gateway.mint_issuer(), ike::TicketSerial(kFirstSerial + n)};
  if (edit.header) edit.header(header);
  kept.ticket.resize(ike::kTicketLenMax);
  kept.ticket.resize(
      ike::seal_ticket(gateway.engine(), key, header.issuer, header.serial, state, kept.ticket));
  CHECK(!kept.ticket.empty());
  if (edit.sealed) edit.sealed(kept.ticket);
  return kept;
}

std::map<dp::Drop, unsigned> GatewayProbe::drops_now() const {
  std::map<dp::Drop, unsigned> drops;
  for (const dp::DropInfo& row : dp::kDropInfo)
    drops[row.reason] = static_cast<unsigned>(gateway.drops(row.reason));
  return drops;
}

Reaction GatewayProbe::run() {
  const std::map<dp::Drop, unsigned> before = drops_now();
  gateway.run();
  Reaction reaction;
  for (const auto& [why, count] : drops_now())
    if (const unsigned n = count - before.at(why)) reaction.drops[why] = n;
  for (unsigned w = 0; w < gateway.workers(); ++w) {
    for (const Octets& frame : gateway.port(w).take_sent()) {
      std::string why;
      std::optional<dp::Packet> packet = dp::read_packet(frame, &why);
      CHECK(packet.has_value());
      reaction.answers.push_back(packet->ike);
      reaction.packets.push_back(std::move(*packet));
    }
  }
  return reaction;
}

Reaction GatewayProbe::send_frame(crypto::Bytes frame, unsigned w) {
  CHECK(gateway.port(w).inject(frame));
  return run();
}

Reaction GatewayProbe::send(crypto::Bytes message, unsigned w) {
  return send_frame(path.ike(message), w);
}

Reaction GatewayProbe::send_all(const std::vector<Octets>& messages, unsigned w) {
  for (const Octets& message : messages) CHECK(gateway.port(w).inject(path.ike(message)));
  return run();
}

dp::PeerPath GatewayProbe::way() const {
  dp::PeerPath way{.peer_mac = path.source_mac,
                   .is_ip6 = path.is_ip6,
                   .non_esp_marker = path.destination_port == 4500,
                   .local_port = path.destination_port,
                   .peer_port = path.source_port};
  if (path.is_ip6) {
    way.local = path.destination6;
    way.peer = path.source6;
  } else {
    std::ranges::copy(path.destination4, way.local.begin());
    std::ranges::copy(path.source4, way.peer.begin());
  }
  return way;
}

void GatewayProbe::order(const Letter& letter, const dp::PeerPath& path_of_it, unsigned w) {
  dp::SpscRing<dp::Order>& orders = gateway.shared().seams[w]->orders;
  dp::Order* order = orders.claim();
  CHECK(order != nullptr && letter.message.size() <= order->message.size());
  order->kind = letter.kind;
  order->path = path_of_it;
  order->spi_r = ike::IkeSpi(letter.spi_r);
  order->message_len = static_cast<std::uint16_t>(letter.message.size());
  std::ranges::copy(letter.message, order->message.begin());
  orders.publish();
}

void GatewayProbe::question(dp::OrderKind kind, const dp::Question& question, unsigned w) {
  dp::SpscRing<dp::Order>& orders = gateway.shared().seams[w]->orders;
  dp::Order* order = orders.claim();
  CHECK(order != nullptr);
  order->kind = kind;
  order->question = question;
  orders.publish();
}

std::unique_ptr<dp::Report> GatewayProbe::take_report(unsigned w) {
  dp::SpscRing<dp::Report>& ring = gateway.shared().seams[w]->reports;
  dp::Report* letter = ring.peek();
  if (letter == nullptr) return nullptr;
  auto taken = std::make_unique<dp::Report>(*letter);
  dp::wipe(*letter);
  ring.done();
  return taken;
}

std::vector<GatewayProbe::Punted> GatewayProbe::take_punts(unsigned w) {
  dp::SpscRing<dp::Punt>& ring = gateway.shared().seams[w]->punts;
  std::vector<Punted> out;
  for (; dp::Punt* letter = ring.peek(); ring.done()) {
    out.push_back(
        {.kind = letter->kind,
         .spi_i = letter->spi_i.value(),
         .spi_r = letter->spi_r.value(),
         .child_in = letter->child_in.value(),
         .path = letter->path,
         .message = {letter->message.begin(), letter->message.begin() + letter->message_len}});
    if (letter->kind == dp::PuntKind::adopted)
      out.back().sa = std::make_shared<dp::AdoptedSa>(letter->sa);
    dp::wipe(*letter);
  }
  return out;
}

void GatewayProbe::fill_punts(unsigned left, unsigned w) {
  dp::SpscRing<dp::Punt>& ring = gateway.shared().seams[w]->punts;
  while (ring.size() + left < dp::kPuntRingLen) {
    dp::Punt* letter = ring.claim();
    CHECK(letter != nullptr);
    letter->kind = dp::PuntKind::message;
    letter->message_len = 0;
    ring.publish();
  }
}

RawMessage GatewayProbe::sa_init() {
  crypto::Random random(0x1417'0000 + ++seed_);
  const auto octets = [&](std::size_t len) {
    Octets out(len);
    random.fill(out);
    return out;
  };
  return {.spi_i = random.u64() | 1,
          .exchange = ike::Exchange::ike_sa_init,
          .payloads = {{.type = ike::PayloadType::sa, .body = octets(44)},
                       {.type = ike::PayloadType::ke, .body = octets(36)},
                       {.type = ike::PayloadType::nonce, .body = octets(32)}}};
}

Octets GatewayProbe::control_message(std::uint8_t flags, std::uint32_t message_id) {
  crypto::Random random(0xc0d'0000 + ++seed_);
  const std::uint64_t theirs = random.u64() | 1;
  const dp::SpiCodec codec(gateway.shared().spi_secret);
  const std::uint64_t ours = dp::control_spi(codec, random).value();
  const bool from_initiator = (flags & 0x08) != 0;
  return write_message({.spi_i = from_initiator ? theirs : ours,
                        .spi_r = from_initiator ? ours : theirs,
                        .exchange = ike::Exchange::informational,
                        .flags = flags,
                        .message_id = message_id,
                        .payloads = {{.type = ike::PayloadType::sk, .body = Octets(40, 7)}}});
}

bool GatewayProbe::open(ScalarClient& client, unsigned w) {
  return open(client, write_message(client.plain_message1()), w);
}

bool GatewayProbe::open(ScalarClient& client, Octets message1, unsigned w) {
  Reaction reaction = send(client.begin(std::move(message1)), w);
  if (reaction.answers.size() != 1) return false;
  const std::optional<RawMessage> answer = read_message(reaction.answers[0]);
  if (!answer) return false;
  if (const std::optional<Octets> cookie = answer->notify(ike::Notify::cookie)) {
    reaction = send(client.begin(client.with_cookie(*cookie)), w);
    if (reaction.answers.size() != 1) return false;
  }
  return client.take_message2(reaction.answers[0]);
}

Resumed GatewayProbe::finish(ScalarClient client, ike::AuthForm form, unsigned w) {
  Resumed out{std::move(client), {}, {}};
  const Reaction reaction = send(out.client.seal(out.client.plain_inner3(form)), w);
  if (reaction.answers.size() != 1) {
    out.complaint = "message 3: " + reaction.describe();
    return out;
  }
  out.message4 = out.client.open(reaction.answers[0]);
  out.complaint = out.message4 ? out.client.judge(*out.message4, form) : "message 4 does not open";
  return out;
}

Resumed GatewayProbe::resume(const TicketEdit& edit, ike::AuthForm form) {
  ScalarClient c = client(edit);
  if (!open(c)) return {std::move(c), {}, "no message 2"};
  return finish(std::move(c), form);
}

void GatewayProbe::pass(std::uint64_t ms) {
  gateway.now.ms += ms;
  gateway.now.unix_s += ms / 1000;
  // Upkeep does a bounded piece per call.
  for (std::uint64_t i = 8 + half_opens() / 32; i > 0; --i) gateway.run();
}

std::string GatewayProbe::complaint() {
  if (!gateway.conserved()) return "frames are not conserved";
  const std::uint64_t before = sessions();
  const Resumed good = resume();
  if (!good.complaint.empty()) return "a good resumption fails: " + good.complaint;
  pass(0);
  if (sessions() != before + 1) return "the count of sessions is wrong";
  pass(gateway.shared().config.admission.half_open_timeout_ms + 1);
  if (half_opens() != 0) return "half-open sessions are left: " + std::to_string(half_opens());
  return gateway.conserved() ? "" : "frames are not conserved";
}

}  // namespace rig
