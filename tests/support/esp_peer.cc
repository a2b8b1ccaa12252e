// Sealing, opening, and tunnels through a rig.
#include "tests/support/esp_peer.h"

#include <algorithm>

#include "crypto/base/error.h"
#include "dataplane/esp_spi.h"

namespace rig {
namespace {

Octets cut(const Octets& octets, std::size_t at, std::size_t len) {
  const auto begin = octets.begin() + static_cast<std::ptrdiff_t>(at);
  return Octets(begin, begin + static_cast<std::ptrdiff_t>(len));
}

bool is_aead(const ike::Suite& suite) { return suite.encr != ike::EncrId::aes_cbc; }
std::size_t block(const ike::Suite& suite) { return is_aead(suite) ? 4 : 16; }

Octets inner_of(const Octets& frame) { return cut(frame, 14, frame.size() - 14); }

template <std::size_t N>
void assign(std::array<std::uint8_t, N>& to, const Octets& from) {
  CHECK(from.size() == N);
  std::ranges::copy(from, to.begin());
}

}  // namespace

EspPeer::EspPeer(const ike::Suite& s, const Octets& keymat, std::uint32_t to, std::uint32_t own)
    : suite(s), gateway_spi(to), own_spi(own), engine_(crypto::make_ossl_engine()) {
  std::size_t at = 0;
  for (Way* way : {&out_, &in_}) {
    const std::size_t key_len = ike::encr_key_len(suite) - (is_aead(suite) ? 4 : 0);
    way->key = cut(keymat, at, key_len);
    at += key_len;
    if (is_aead(suite)) {
      way->salt = cut(keymat, at, 4);
      at += 4;
    } else {
      way->integ = cut(keymat, at, ike::integ_key_len(suite));
      at += way->integ.size();
    }
  }
  CHECK(at == keymat.size());
}

Octets EspPeer::icv(const Way& way, crypto::Bytes covered, std::uint64_t number) const {
  Octets text(covered.begin(), covered.end());
  if (suite.esn) text = text + be32(number >> 32);
  crypto::PrfKey key;
  const crypto::PrfKeyLane key_lane{way.integ, &key};
  const crypto::Prf prf = ike::integ_prf_of(suite.integ);
  engine_->prepare(prf, {&key_lane, 1});
  Octets out(crypto::kPrfLenMax);
  const crypto::MacLane mac{&key, text, out.data()};
  engine_->mac(prf, {&mac, 1});
  out.resize(ike::icv_len(suite));
  return out;
}

Octets EspPeer::seal(const Octets& inner, const Edit& edit) {
  const std::uint64_t number = edit.number.value_or(sent + 1);
  if (!edit.number) ++sent;
  Octets text = inner + edit.tfc;
  const std::size_t natural = (block(suite) - (text.size() + 2) % block(suite)) % block(suite);
  for (std::size_t i = 0; i < natural; ++i)
    text.push_back(static_cast<std::uint8_t>(edit.first_pad + i));
  text.push_back(edit.pad_len.value_or(static_cast<std::uint8_t>(natural)));
  const bool is_ip6 = !inner.empty() && inner[0] >> 4 == 6;
  text.push_back(edit.next_header.value_or(is_ip6 ? 41 : 4));

  const Octets spi = be32(edit.spi.value_or(gateway_spi));
  Octets head = spi + be32(number);
  if (is_aead(suite)) {
    const Octets iv = be64(number * 3 + 1);
    const Octets nonce = out_.salt + iv;
    const Octets aad = suite.esn ? spi + be64(number) : head;
    Octets tag(16);
    crypto::AeadLane lane{.raw_key = out_.key.data(),
                          .nonce = nonce.data(),
                          .aad = aad,
                          .in = text.data(),
                          .len = static_cast<std::uint32_t>(text.size()),
                          .out = text.data(),
                          .tag = tag.data()};
    engine_->seal(ike::aead_of(suite), {&lane, 1});
    return head + iv + text + tag;
  }
  const Octets iv = be64(number * 0x9e3779b97f4a7c15) + be64(number);
  engine_->cbc_encrypt(out_.key, iv.data(), text, text.data());
  const Octets covered = head + iv + text;
  return covered + icv(out_, covered, number);
}

std::optional<EspPeer::Opened> EspPeer::open(crypto::Bytes esp) const {
  const std::size_t iv_len = is_aead(suite) ? 8 : 16;
  const std::size_t icv_len = ike::icv_len(suite);
  if (esp.size() < 8 + iv_len + icv_len + 2 || crypto::load_be32(esp.data()) != own_spi) return {};
  const std::uint64_t number = high << 32 | crypto::load_be32(esp.data() + 4);
  const Octets octets(esp.begin(), esp.end());
  Octets text = cut(octets, 8 + iv_len, esp.size() - 8 - iv_len - icv_len);
  Octets tag = cut(octets, esp.size() - icv_len, icv_len);
  if (is_aead(suite)) {
    const Octets nonce = in_.salt + cut(octets, 8, 8);
    const Octets aad = suite.esn ? cut(octets, 0, 4) + be64(number) : cut(octets, 0, 8);
    crypto::AeadLane lane{.raw_key = in_.key.data(),
                          .nonce = nonce.data(),
                          .aad = aad,
                          .in = text.data(),
                          .len = static_cast<std::uint32_t>(text.size()),
                          .out = text.data(),
                          .tag = tag.data()};
    engine_->open(ike::aead_of(suite), {&lane, 1});
    if (!lane.ok) return {};
  } else {
    if (icv(in_, esp.first(esp.size() - icv_len), number) != tag) return {};
    engine_->cbc_decrypt(in_.key, esp.data() + 8, text, text.data());
  }
  Opened out{.next_header = text.back(), .number = number};
  const std::size_t pad_len = text[text.size() - 2];
  if (pad_len + 2 > text.size()) return {};
  out.padding = cut(text, text.size() - 2 - pad_len, pad_len);
  out.inner = cut(text, 0, text.size() - 2 - pad_len);
  return out;
}

Tunnel EspProbe::tunnel(const TunnelEdit& edit) {
  const dp::PacketBuilder plain_path = path;
  if (edit.encapsulated) path.source_port = path.destination_port = 4500;
  ScalarClient opening = client({.ip6 = edit.ip6});
  opening.child_suite = edit.child;
  CHECK(open(opening, edit.worker));
  Resumed resumed = finish(std::move(opening), ike::AuthForm::rfc, edit.worker);
  CHECK(resumed.complaint.empty());
  ScalarClient& c = resumed.client;
  const RawPayload* sa = resumed.message4->find(ike::PayloadType::sa);
  CHECK(sa != nullptr && sa->body.size() > 12);
  const std::uint32_t gateway_spi = crypto::load_be32(sa->body.data() + 8);
  // RFC 7296 §2.17.
  const Octets keymat =
      c.prf_plus(c.keys.d, c.nonce_i + c.nonce_r, ike::child_keymat_len(edit.child));
  const std::uint32_t own_spi = c.child_spi;
  const Octets ip4 = c.old.ip4.value_or(Octets{}), ip6 = c.old.ip6.value_or(Octets{});
  Tunnel t{.client = std::move(c),
           .peer = EspPeer(edit.child, keymat, gateway_spi, own_spi),
           .ip4 = ip4,
           .ip6 = ip6,
           .path = path};
  path = plain_path;
  return t;
}

Octets EspProbe::echo(const Tunnel& t, std::size_t len) {
  dp::PacketBuilder b;
  assign(b.source4, t.ip4);
  b.destination4 = gateway.shared().config.inside.ip4.at(0);
  return inner_of(b.echo_request(Octets(len, 0x5a)));
}

Octets EspProbe::echo6(const Tunnel& t, std::size_t len) {
  dp::PacketBuilder b;
  b.is_ip6 = true;
  assign(b.source6, t.ip6);
  b.destination6 = gateway.shared().config.inside.ip6.at(0);
  return inner_of(b.echo_request(Octets(len, 0x5a)));
}

Octets EspProbe::frame(const Tunnel& t, const Octets& esp) {
  return t.path.destination_port == 4500 ? t.path.udp(esp) : t.path.ip(50, esp);
}

EspProbe::Back EspProbe::send_esp(Tunnel& t, const Octets& esp, unsigned w) {
  return send_all_esp(t, {esp}, w);
}

EspProbe::Back EspProbe::send_all_esp(Tunnel& t, const std::vector<Octets>& esp, unsigned w) {
  for (const Octets& one : esp) CHECK(gateway.port(w).inject(frame(t, one)));
  Back back{.reaction = run()};
  for (const dp::Packet& packet : back.reaction.packets) {
    const std::optional<EspPeer::Opened> opened =
        t.peer.open(packet.protocol == 50 ? packet.l4 : packet.payload);
    if (!opened) continue;
    back.packets.push_back(*opened);
    back.outer.push_back(packet);
  }
  return back;
}

EspPeer EspProbe::install(const Tunnel& t, std::uint32_t place, const InstallEdit& edit) {
  const dp::WorkerConfig& config = gateway.shared().config;
  const ike::EspSpi spi = dp::EspSpiCodec(config).encode(0, config.sessions_max + place,
                                                         static_cast<std::uint8_t>(place));
  ike::Suite child_suite;
  child_suite.esn = edit.esn;
  Octets keymat(ike::child_keymat_len(child_suite));
  crypto::Random random(0xe5b + place);
  random.fill(keymat);
  dp::Order* letter = gateway.shared().seams[0]->orders.claim();
  CHECK(letter != nullptr);
  letter->kind = dp::OrderKind::install_child;
  letter->path = way();
  letter->path.non_esp_marker = t.path.destination_port == 4500;
  letter->message_len = 0;
  dp::ChildInstall& child = letter->child;
  child.spi_in = spi;
  child.spi_out = ike::EspSpi(0x3000 + place);
  child.suite = child_suite;
  child.we_initiated = edit.we_initiated;
  ike::Ip4 address;
  assign(address, t.ip4);
  child.ip4_lease = gateway.shared().leases.index4(address);
  child.ip6_lease = dp::kNoLease;
  child.sent = edit.sent;
  child.limits = edit.limits;
  child.ts_local = config.child.local_ts;
  child.ts_remote.count = 1;
  child.ts_remote.items[0] = ike::selector_of(ike::TsType::ipv4_addr_range, address, 32);
  std::ranges::copy(keymat, child.keymat.begin());
  gateway.shared().seams[0]->orders.publish();
  CHECK(run().drops.empty());
  if (edit.we_initiated) std::ranges::rotate(keymat, keymat.begin() + 36);
  return EspPeer(child_suite, keymat, spi.value(), 0x3000 + place);
}

std::string EspProbe::echo_complaint(Tunnel& t, unsigned w) {
  const Octets request = t.ip4.empty() ? echo6(t) : echo(t);
  const Back back = send_esp(t, t.peer.seal(request), w);
  if (back.packets.size() != 1) return back.reaction.describe();
  if (!is_echo_reply(request, back.packets[0].inner)) return "not the reply to the request";
  return gateway.conserved() ? "" : "frames are lost";
}

bool is_echo_reply(const Octets& request, const Octets& reply) {
  if (request.size() != reply.size() || request[0] >> 4 != reply[0] >> 4) return false;
  dp::PacketBuilder b;
  const bool is_ip6 = reply[0] >> 4 == 6;
  const auto packet = dp::read_packet(b.ether(is_ip6 ? 0x86dd : 0x0800, reply));
  if (!packet) return false;  // a checksum is wrong
  const std::size_t at = is_ip6 ? 8 : 12, len = is_ip6 ? 16 : 4, l4 = is_ip6 ? 40 : 20;
  return cut(request, at, len) == cut(reply, at + len, len) &&
         cut(request, at + len, len) == cut(reply, at, len) &&
         packet->l4[0] == (is_ip6 ? 129 : 0) &&
         cut(request, l4 + 4, request.size() - l4 - 4) == cut(reply, l4 + 4, reply.size() - l4 - 4);
}

}  // namespace rig
