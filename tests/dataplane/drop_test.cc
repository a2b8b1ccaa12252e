// Every drop reason from a whole gateway: a table with one row for each enumerator, and no reason
// without a row. The gateway is sound after each of them.
#include "dataplane/drop.h"

#include <gtest/gtest.h>

#include <set>

#include "dataplane/neighbour_queue.h"
#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::RawMessage;
using rig::Reaction;
using rig::ScalarClient;

struct Row {
  Drop reason;
  std::function<void(rig::Options&)> options;
  std::function<Reaction(GatewayProbe&)> provoke;
};

void nothing(rig::Options&) {}
void two_workers(rig::Options& o) { o.workers = 2; }

// A frame of our path, edited.
Row frame(Drop reason, std::function<void(PacketBuilder&)> builder,
          std::function<void(Octets&)> octets = {}) {
  return {reason, nothing, [=](GatewayProbe& probe) {
            PacketBuilder b = probe.path;
            if (builder) builder(b);
            Octets f = b.ike(probe.client().begin());
            if (octets) octets(f);
            return probe.send_frame(f);
          }};
}
// Any frame.
Row raw(Drop reason, std::function<Octets(const PacketBuilder&)> make) {
  return {reason, nothing, [=](GatewayProbe& probe) { return probe.send_frame(make(probe.path)); }};
}
// A message 1, edited.
Row message1(Drop reason, std::function<void(RawMessage&)> edit,
             std::function<void(WorkerConfig&)> configure = {}) {
  return {reason, [=](rig::Options& o) { o.configure = configure; },
          [=](GatewayProbe& probe) {
            RawMessage m = probe.client().plain_message1();
            if (edit) edit(m);
            return probe.send(write_message(m));
          }};
}
// A message 1 with such a ticket.
Row ticket(Drop reason, rig::TicketEdit edit, std::function<void(WorkerConfig&)> configure = {}) {
  return {reason, [=](rig::Options& o) { o.configure = configure; },
          [=](GatewayProbe& probe) { return probe.send(probe.client(edit).begin()); }};
}
// What follows a good message 2.
Row message3(Drop reason, std::function<Octets(ScalarClient&)> make) {
  return {reason, nothing, [=](GatewayProbe& probe) {
            ScalarClient c = probe.client();
            RawMessage m = c.plain_message1();
            m.payloads.push_back(rig::raw_notify(ike::Notify::ikev2_fragmentation_supported));
            EXPECT_TRUE(probe.open(c, write_message(m)));
            return probe.send(make(c));
          }};
}
// Several message 1 under limits; the last one counts.
Row crowd(Drop reason, unsigned count, bool one_ticket,
          std::function<void(WorkerConfig&)> configure, std::uint32_t sessions_max = 64) {
  return {reason,
          [=](rig::Options& o) {
            o.configure = configure;
            o.sessions_max = sessions_max;
          },
          [=](GatewayProbe& probe) {
            const rig::Keepsake kept = probe.keepsake();
            Reaction last;
            for (unsigned i = 0; i < count; ++i) {
              ScalarClient c = one_ticket ? probe.client_of(kept) : probe.client();
              last = probe.send(c.begin());
            }
            probe.pass(10001);
            return last;
          }};
}

Octets ether_type(const PacketBuilder& b) { return b.ether(0x1234, Octets(60, 0)); }

void add_link_rows(std::vector<Row>& rows) {
  const auto cut = [](std::size_t len) { return [len](Octets& f) { f.resize(len); }; };
  rows.push_back(frame(Drop::eth_runt, {}, cut(13)));
  rows.push_back(frame(Drop::eth_not_for_us, [](auto& b) { b.destination_mac[5] ^= 0xff; }));
  rows.push_back(raw(Drop::eth_unknown_type, ether_type));
  rows.push_back(frame(Drop::vlan_unknown, [](auto& b) { b.vlan = 77; }));
  rows.push_back(frame(Drop::ip_runt, {}, cut(30)));
  rows.push_back(frame(Drop::ip_bad_header, {}, [](Octets& f) { f[14] = 0x41; }));
  rows.push_back(frame(Drop::ip_bad_checksum, {}, [](Octets& f) { f[24] ^= 1; }));
  rows.push_back(frame(Drop::ip_not_for_us, [](auto& b) { b.destination4[3] = 200; }));
  // A first piece: its length is a multiple of 8.
  const auto piece = [](unsigned len) {
    return [len](const PacketBuilder& from) {
      PacketBuilder b = from;
      b.ip4_fragment_word = 0x2000;
      return b.ip(17, Octets(len, 0));
    };
  };
  rows.push_back(raw(Drop::ip_fragment_waiting, piece(64)));
  rows.push_back(raw(Drop::ip_fragment_bad, piece(63)));
  rows.push_back(raw(Drop::ip_fragment_limit, [](PacketBuilder b) {
    b.ip4_fragment_word = 0x3f00;
    return b.ip(17, Octets(64, 0));
  }));
  rows.push_back({Drop::ip_fragment_expired, nothing, [=](GatewayProbe& probe) {
                    probe.send_frame(piece(64)(probe.path));
                    probe.gateway.now.ms += 2001;
                    return probe.run();
                  }});
  rows.push_back(frame(Drop::ip_bad_source, [](auto& b) { b.source4 = {224, 0, 0, 1}; }));
  rows.push_back(raw(Drop::ip_unknown_protocol, [](auto& b) { return b.ip(6, Octets(40, 0)); }));
  rows.push_back(frame(Drop::udp_bad_length, [](auto& b) { b.source_port = 0; }));
  rows.push_back(frame(Drop::udp_bad_checksum, {}, [](Octets& f) { f.back() ^= 1; }));
  rows.push_back(frame(Drop::udp_unknown_port, [](auto& b) { b.destination_port = 53; }));
  const auto on_4500 = [](Octets payload) {
    return [payload](PacketBuilder b) {
      b.destination_port = 4500;
      return b.udp(payload);
    };
  };
  rows.push_back(raw(Drop::nat_keepalive, on_4500({0xff})));
  rows.push_back(raw(Drop::esp_unknown_spi, on_4500(Octets(40, 9))));
  rows.push_back(raw(Drop::arp_bad, [](auto& b) { return b.arp(1, {9, 9, 9, 9}); }));
  rows.push_back(raw(Drop::icmp_ignored, [](auto& b) { return b.ip(1, Octets(8, 13)); }));
  rows.push_back(raw(Drop::ike_runt, [](auto& b) { return b.ike(Octets(27, 1)); }));
}

void add_resume_rows(std::vector<Row>& rows) {
  rows.push_back(message1(Drop::ike_bad_length, [](RawMessage& m) { m.len = 29; }));
  rows.push_back(message1(Drop::ike_bad_version, [](RawMessage& m) { m.version = 0x10; }));
  rows.push_back(message1(Drop::ike_bad_header, [](RawMessage& m) { m.spi_i = 0; }));
  rows.push_back(message1(Drop::ike_response, [](RawMessage& m) { m.flags = 0x28; }));
  rows.push_back(message1(Drop::ike_other_exchange,
                          [](RawMessage& m) { m.exchange = ike::Exchange::ike_auth; }));
  rows.push_back(message1(Drop::resume_malformed, [](RawMessage& m) { m.payloads[0].len = 0; }));
  rows.push_back(message1(Drop::resume_no_ticket, [](RawMessage& m) { m.payloads.pop_back(); }));
  rows.push_back(
      message1(Drop::resume_bad_nonce, [](RawMessage& m) { m.payloads[0].body.resize(15); }));
  rows.push_back(message1(Drop::payload_critical_unknown, [](RawMessage& m) {
    m.payloads.push_back({.type = static_cast<ike::PayloadType>(99), .second_octet = 0x80});
  }));
  rows.push_back({Drop::shed_overload, nothing, [](GatewayProbe& probe) {
                    probe.gateway.port().set_backlog_permille(900);
                    const Reaction reaction = probe.send(probe.client().begin());
                    probe.gateway.port().set_backlog_permille(0);
                    return reaction;
                  }});
  rows.push_back(crowd(Drop::half_open_limit, 3, false,
                       [](WorkerConfig& c) { c.admission.half_open_max = 2; }));
  rows.push_back(crowd(Drop::source_limit, 3, false,
                       [](WorkerConfig& c) { c.admission.half_open_per_prefix = 2; }));
  rows.push_back(crowd(Drop::ticket_in_use, 3, true, {}));
  rows.push_back(
      crowd(Drop::table_full, 3, false, [](WorkerConfig& c) { c.admission.half_open_max = 9; }, 2));
  rows.push_back(message1(Drop::cookie_required, {},
                          [](WorkerConfig& c) { c.admission.cookies = CookieMode::always; }));
  rows.push_back({Drop::duplicate_request, nothing, [](GatewayProbe& probe) {
                    const rig::Resumed resumed = probe.resume();
                    return probe.send(resumed.client.message1);
                  }});
}

void add_ticket_rows(std::vector<Row>& rows) {
  rows.push_back(ticket(Drop::ticket_bad_format, {.sealed = [](Octets& t) { t[0] = 7; }}));
  rows.push_back(ticket(Drop::ticket_unknown_key, {.sealed = [](Octets& t) { t[6] ^= 1; }}));
  rows.push_back({Drop::ticket_unknown_issuer,
                  [](rig::Options& o) {
                    o.configure = [](WorkerConfig& c) { c.admission.new_issuers_per_s = 1; };
                  },
                  [](GatewayProbe& probe) {
                    const rig::TicketEdit foreign{.sealed = [](Octets& t) { t[9] ^= 1; }};
                    probe.send(probe.client(foreign).begin());
                    const Reaction reaction = probe.send(probe.client(foreign).begin());
                    probe.pass(1000);
                    return reaction;
                  }});
  rows.push_back(ticket(Drop::ticket_bad_tag, {.sealed = [](Octets& t) { t.back() ^= 1; }}));
  rows.push_back(ticket(Drop::ticket_bad_state, {.header = [](ike::TicketHeader& h) {
                          h.serial = ike::TicketSerial(kIssuerCapacity);
                        }}));
  rows.push_back(ticket(Drop::ticket_expired, {.state = [](auto& s) { s.expires_s = 5; }}));
  rows.push_back(ticket(Drop::ticket_policy, {.state = [](auto& s) { ++s.connection; }}));
  rows.push_back({Drop::ticket_spent, nothing, [](GatewayProbe& probe) {
                    const rig::Resumed resumed = probe.resume();
                    return probe.send(probe.client_of(resumed.client.old).begin());
                  }});
  rows.push_back({Drop::ticket_revoked, nothing, [](GatewayProbe& probe) {
                    probe.gateway.publish_denied(
                        {.issuers = {probe.gateway.mint_issuer().value()}});
                    const Reaction reaction = probe.send(probe.client().begin());
                    probe.gateway.publish_denied({});
                    return reaction;
                  }});
  rows.push_back(ticket(Drop::issuer_unmapped,
                        {.header = [](ike::TicketHeader& h) { h.issuer = ike::IssuerId(4711); }}));
  rows.push_back({Drop::answer_limit,
                  [](rig::Options& o) {
                    o.configure = [](WorkerConfig& c) { c.admission.answers_per_source_per_s = 1; };
                  },
                  [](GatewayProbe& probe) {
                    const rig::TicketEdit forged{.sealed = [](Octets& t) { t.back() ^= 1; }};
                    probe.send(probe.client(forged).begin());
                    return probe.send(probe.client(forged).begin());
                  }});
}

// Two half-opens of one ticket, both finished.
Reaction race(GatewayProbe& probe) {
  const rig::Keepsake kept = probe.keepsake();
  ScalarClient first = probe.client_of(kept);
  ScalarClient second = probe.client_of(kept);
  EXPECT_TRUE(probe.open(first) && probe.open(second));
  probe.send(first.message3());
  return probe.send(second.message3());
}

void add_auth_rows(std::vector<Row>& rows) {
  rows.push_back(message3(Drop::spi_unknown,
                          [](ScalarClient& c) { return c.seal(c.plain_inner3(), {.spi_r = 9}); }));
  rows.push_back({Drop::owner_ring_full, two_workers, [](GatewayProbe& probe) {
                    ScalarClient c = probe.client();
                    EXPECT_TRUE(probe.open(c, 1));
                    probe.gateway.port(1).set_hand_over_room(0);
                    const Reaction reaction = probe.send(c.message3(), 0);
                    probe.gateway.port(1).set_hand_over_room(FakePort::kUnlimited);
                    return reaction;
                  }});
  rows.push_back(message3(Drop::message_id_unexpected, [](ScalarClient& c) {
    return c.seal(c.plain_inner3(), {.message_id = 5});
  }));
  rows.push_back(message3(Drop::exchange_unexpected, [](ScalarClient& c) {
    return c.seal(c.plain_inner3(), {.exchange = ike::Exchange::create_child_sa});
  }));
  rows.push_back(message3(Drop::sk_malformed, [](ScalarClient& c) {
    return c.seal_octets({}, 0, {.fragment = 0, .fragments = 2});
  }));
  rows.push_back(message3(Drop::sk_bad_icv, [](ScalarClient& c) {
    Octets m = c.message3();
    m.back() ^= 1;
    return m;
  }));
  rows.push_back(message3(Drop::fragment_limit, [](ScalarClient& c) {
    return c.seal_octets({1}, 0, {.fragment = 1, .fragments = 200});
  }));
  rows.push_back(
      message3(Drop::fragment_waiting, [](ScalarClient& c) { return c.message3_fragments(2)[0]; }));
  rows.push_back(
      message3(Drop::auth_malformed, [](ScalarClient& c) { return c.seal_octets({1, 2, 3}, 35); }));
  rows.push_back(message3(Drop::auth_failed, [](ScalarClient& c) { return c.seal({}); }));
  rows.push_back({Drop::ticket_lost_race, nothing, race});
  rows.push_back({Drop::half_open_expired, nothing, [](GatewayProbe& probe) {
                    probe.send(probe.client().begin());
                    probe.gateway.now.ms += 10001;
                    return probe.run();
                  }});
  // The request asks for fragmentation, so message 2 has 72 octets; this link takes 71 of them.
  rows.push_back({Drop::reply_too_large,
                  [](rig::Options& o) { o.link = [](Link& link) { link.mtu = 20 + 8 + 71; }; },
                  [](GatewayProbe& probe) {
                    RawMessage m = probe.client().plain_message1();
                    m.payloads.push_back(
                        rig::raw_notify(ike::Notify::ikev2_fragmentation_supported));
                    return probe.send(write_message(m));
                  }});
  rows.push_back({Drop::tx_full, nothing, [](GatewayProbe& probe) {
                    probe.gateway.port().set_transmit_room(0);
                    const Reaction reaction = probe.send(probe.client().begin());
                    probe.gateway.port().set_transmit_room(FakePort::kUnlimited);
                    return reaction;
                  }});
}

void add_seam_rows(std::vector<Row>& rows) {
  rows.push_back({Drop::init_malformed, nothing, [](GatewayProbe& probe) {
                    RawMessage m = probe.sa_init();
                    m.payloads.pop_back();  // the nonce
                    return probe.send(write_message(m));
                  }});
  rows.push_back({Drop::punt_full, nothing, [](GatewayProbe& probe) {
                    probe.fill_punts();
                    return probe.send(probe.control_message());
                  }});
  // A message of three fragments, and two buffers.
  rows.push_back({Drop::no_buffer, [](rig::Options& o) { o.port_buffers = 2; },
                  [](GatewayProbe& probe) {
                    probe.order({.message = Octets(4000, 1)});
                    return probe.run();
                  }});
}

// A packet in a tunnel, made by `make`, sent as it is.
Row esp(Drop reason, std::function<Octets(rig::EspProbe&, rig::Tunnel&)> make,
        std::function<void(rig::Options&)> options = nothing) {
  return {reason, options, [=](GatewayProbe& probe) {
            auto& p = static_cast<rig::EspProbe&>(probe);
            rig::Tunnel t = p.tunnel();
            return p.send_esp(t, make(p, t)).reaction;
          }};
}
// The same, when only what is inside is odd.
Row inner(Drop reason, std::function<void(Octets&)> edit, rig::EspPeer::Edit how = {}) {
  return esp(reason, [=](rig::EspProbe& p, rig::Tunnel& t) {
    Octets packet = p.echo(t);
    if (edit) edit(packet);
    return t.peer.seal(packet, how);
  });
}
// An echo request with these addresses and hops.
Row addressed(Drop reason, std::function<void(PacketBuilder&)> edit) {
  return esp(reason, [=](rig::EspProbe&, rig::Tunnel& t) {
    PacketBuilder b;
    std::ranges::copy(t.ip4, b.source4.begin());
    edit(b);
    const Octets f = b.echo_request(Octets(40, 0));
    return t.peer.seal(Octets(f.begin() + 14, f.end()));
  });
}

// On the way to the private network.
void add_inside_rows(std::vector<Row>& rows) {
  const auto with_inside = [](rig::Options& o) { o.inside = true; };
  rows.push_back(
      {Drop::neighbour_unknown, with_inside, [](GatewayProbe& probe) {
         auto& p = static_cast<rig::EspProbe&>(probe);
         rig::Tunnel t = p.tunnel();
         PacketBuilder b;
         std::ranges::copy(t.ip4, b.source4.begin());
         b.destination4 = {10, 0, 0, 2};
         const Octets f = b.echo_request(Octets(40, 0));
         EXPECT_TRUE(
             p.send_esp(t, t.peer.seal(Octets(f.begin() + 14, f.end()))).reaction.drops.empty());
         p.gateway.now.ms += NeighbourQueue::kWaitMs;
         return p.run();
       }});
  rows.push_back(addressed(Drop::no_gateway, [](auto& b) { b.destination4 = {10, 1, 0, 2}; }));
  rows.back().options = with_inside;
  rows.push_back(
      addressed(Drop::inner_bad_destination, [](auto& b) { b.destination4 = {224, 0, 0, 5}; }));
  rows.back().options = with_inside;
}

void add_esp_rows(std::vector<Row>& rows) {
  const auto with_inside = [](rig::Options& o) { o.inside = true; };
  rows.push_back(esp(Drop::esp_bad_length,
                     [](auto&, auto& t) { return rig::be32(t.peer.gateway_spi) + Octets(8); }));
  rows.push_back(inner(Drop::esp_replayed, {}, {.number = 0}));
  rows.push_back(esp(Drop::esp_bad_icv, [](auto& p, auto& t) {
    Octets packet = t.peer.seal(p.echo(t));
    packet.back() ^= 1;
    return packet;
  }));
  rows.push_back(inner(Drop::esp_dummy, {}, {.next_header = 59}));
  rows.push_back(inner(Drop::esp_bad_padding, {}, {.pad_len = 200}));
  rows.push_back(inner(Drop::esp_bad_next_header, {}, {.next_header = 17}));
  rows.push_back(inner(Drop::inner_malformed, [](Octets& o) { o[2] = 9; }));
  rows.push_back(addressed(Drop::inner_spoofed, [](auto& b) { b.source4 = {10, 64, 77, 7}; }));
  rows.push_back(addressed(Drop::inner_expired, [](auto& b) {
    b.destination4 = {10, 0, 0, 2};
    b.ttl = 1;
  }));
  rows.back().options = with_inside;
  rows.push_back(addressed(Drop::inside_absent, [](auto& b) { b.destination4 = {10, 0, 0, 2}; }));
  rows.push_back(addressed(Drop::no_child_sa, [](auto& b) { b.destination4 = {10, 64, 9, 9}; }));
  rows.push_back(inner(Drop::inner_ignored, [](Octets& o) { o.back() ^= 1; }));
  const auto far_away = [](rig::Options& o) {
    o.configure = [](WorkerConfig& c) {
      c.child.local_ts.items[0] =
          ike::selector_of(ike::TsType::ipv4_addr_range, crypto::Bytes(c.inside.ip4[0]), 32);
    };
  };
  rows.push_back(addressed(Drop::inner_not_selected, [](auto& b) { b.destination4[3] = 2; }));
  rows.back().options = far_away;
  rows.push_back({Drop::ecn_congested, nothing, [](GatewayProbe& probe) {
                    auto& p = static_cast<rig::EspProbe&>(probe);
                    rig::Tunnel t = p.tunnel();
                    Octets f = rig::EspProbe::frame(t, t.peer.seal(p.echo(t)));
                    f[15] = 3;
                    f[24] = f[25] = 0;
                    crypto::store_be16(f.data() + 24,
                                       plain_checksum(crypto::Bytes(f).subspan(14, 20)));
                    return p.send_frame(f);
                  }});
  rows.push_back(esp(
      Drop::inner_too_big, [](auto& p, auto& t) { return t.peer.seal(p.echo(t, 1400)); },
      [](rig::Options& o) { o.link = [](Link& l) { l.mtu = 1300; }; }));
  // All numbers are used: with ESN, because without them the SA is spent long before.
  rows.push_back({Drop::sequence_exhausted, nothing, [](GatewayProbe& probe) {
                    auto& p = static_cast<rig::EspProbe&>(probe);
                    rig::Tunnel t = p.tunnel();
                    t.peer = p.install(t, 1, {.sent = ~std::uint64_t{0}, .esn = true});
                    return p.send_esp(t, t.peer.seal(p.echo(t))).reaction;
                  }});
  rows.push_back({Drop::child_spent, nothing, [](GatewayProbe& probe) {
                    auto& p = static_cast<rig::EspProbe&>(probe);
                    rig::Tunnel t = p.tunnel();
                    t.peer = p.install(t, 1, {.limits = {.packets = 1}});
                    EXPECT_EQ(p.echo_complaint(t), "");
                    return p.send_esp(t, t.peer.seal(p.echo(t))).reaction;
                  }});
}

std::vector<Row> every_row() {
  std::vector<Row> rows;
  add_link_rows(rows);
  add_resume_rows(rows);
  add_ticket_rows(rows);
  add_auth_rows(rows);
  add_seam_rows(rows);
  add_esp_rows(rows);
  add_inside_rows(rows);
  return rows;
}

TEST(Drop, EveryReasonHasARow) {
  std::set<Drop> rows;
  for (const Row& row : every_row()) EXPECT_TRUE(rows.insert(row.reason).second);
  for (const DropInfo& info : kDropInfo)
    EXPECT_EQ(rows.contains(info.reason), info.reason != Drop::none) << info.name;
}

TEST(Drop, EveryReasonIsMetAndSurvived) {
  for (const Row& row : every_row()) {
    SCOPED_TRACE(drop_name(row.reason));
    rig::Options options;
    row.options(options);
    rig::EspProbe probe(options);
    const Reaction reaction = row.provoke(probe);
    EXPECT_EQ(reaction.drop(), row.reason) << reaction.describe();
    // No message 4 fits the link that is too small.
    if (row.reason != Drop::reply_too_large) {
      EXPECT_EQ(probe.complaint(), "");
    }
    EXPECT_TRUE(probe.gateway.conserved());
  }
}

TEST(Drop, NamesAreDistinctAndMeaningsSaid) {
  std::set<std::string_view> names;
  for (const DropInfo& info : kDropInfo) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.meaning.empty()) << info.name;
  }
}

}  // namespace
}  // namespace dp
