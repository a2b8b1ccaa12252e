// Tests of tickets: layout, refusal of everything that was changed, and key separation.
#include "ike/ticket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "tests/ike/messages.h"

namespace ike {
namespace {

const Octets kSkD = filled(32, 0xd0);
const Octets kIdI = from_hex("03000000616c696365406578616d706c65");
const Octets kIdR = from_hex("0200000067772e6578616d706c65");
const Octets kEap = from_hex("616c696365");

TicketState sample() {
  TicketState s;
  s.expires_s = 0x0102030405060708;
  s.full_auth_s = 0x1112131415161718;
  s.connection = 0x21222324;
  s.policy_generation = 0x25262728;
  s.spi_i = IkeSpi(0x3132333435363738);
  s.spi_r = IkeSpi(0x4142434445464748);
  s.suite.ke = KeId::curve25519;
  s.flags = {.has_ip4 = true, .has_ip6 = true, .post_quantum = true, .ppk = false};
  s.resumptions = 0x5152;
  s.sk_d = kSkD;
  s.id_i = kIdI;
  s.id_r = kIdR;
  s.eap_identity = kEap;
  s.ip4 = {192, 0, 2, 77};
  s.ip6 = {0x20, 0x01, 0x0d, 0xb8};
  return s;
}

Octets octets_of(const TicketState& s) {
  Octets out(kTicketStateMax);
  out.resize(write_ticket_state(s, out));
  return out;
}

crypto::TicketKey key_of(std::uint32_t id, std::uint8_t fill) {
  crypto::TicketKey key;
  key.id = crypto::TicketKeyId(id);
  std::ranges::fill(key.secret.fill(), fill);
  return key;
}

Octets sealed(crypto::Engine& engine, const crypto::TicketKey& key, std::uint64_t serial = 7) {
  Octets out(kTicketLenMax);
  out.resize(
      seal_ticket(engine, key, IssuerId(0x6162636465666768), TicketSerial(serial), sample(), out));
  return out;
}

bool opens(crypto::Engine& engine, const crypto::TicketKey& key, crypto::Bytes ticket) {
  std::array<std::uint8_t, kTicketStateMax> plaintext;
  TicketState state;
  return open_ticket(engine, key, ticket, plaintext, state);
}

TEST(TicketState, EveryFieldStandsWhereTheHeaderSays) {
  const Octets octets = octets_of(sample());
  EXPECT_EQ(octets.size(), ticket_state_len(sample()));
  EXPECT_EQ(to_hex(octets),
            "0102030405060708"
            "1112131415161718"
            "21222324"
            "25262728"
            "3132333435363738"
            "4142434445464748"
            "0014"
            "0100"
            "0005"
            "0000"
            "001f"
            "02"
            "07"
            "5152"
            "0011"
            "000e"
            "20"
            "05" +
                to_hex(kSkD) + to_hex(kIdI) + to_hex(kIdR) + to_hex(kEap) +
                "c000024d"
                "20010db8000000000000000000000000");
}

TEST(TicketState, ReadsBack) {
  const Octets octets = octets_of(sample());
  TicketState s;
  ASSERT_TRUE(parse_ticket_state(octets, s));
  EXPECT_EQ(s.expires_s, sample().expires_s);
  EXPECT_EQ(s.spi_r, sample().spi_r);
  EXPECT_EQ(s.suite, sample().suite);
  EXPECT_EQ(s.flags, sample().flags);
  EXPECT_EQ(s.ip4, sample().ip4);
  EXPECT_EQ(s.ip6, sample().ip6);
  EXPECT_TRUE(lies_in(s.sk_d, octets));
  EXPECT_EQ(octets_of(s), octets);
}

TEST(TicketState, RefusesEveryTruncationAndAppendix) {
  const Octets octets = octets_of(sample());
  TicketState s;
  for (std::size_t len = 0; len < octets.size(); ++len)
    EXPECT_FALSE(parse_ticket_state(crypto::Bytes(octets).first(len), s)) << len;
  Octets longer = octets;
  longer.push_back(0);
  EXPECT_FALSE(parse_ticket_state(longer, s));
}

TEST(TicketState, RefusesUnknownFlagsAndSuites) {
  struct Change {
    std::size_t at;
    std::uint8_t value;
  };
  for (const Change& c : {Change{51, 0x17}, Change{51, 0x87}, Change{41, 3}, Change{43, 0xc0},
                          Change{45, 2}, Change{47, 12}, Change{49, 2}, Change{58, 48}}) {
    Octets octets = octets_of(sample());
    octets[c.at] = c.value;
    TicketState s;
    EXPECT_FALSE(parse_ticket_state(octets, s)) << c.at;
  }
}

TEST(TicketState, RefusesAKeyThatIsNotThePrfs) {
  Octets octets = octets_of(sample());
  octets[58] = 48;
  octets.insert(octets.begin() + kTicketStateFixedLen, 16, std::uint8_t{1});
  TicketState s;
  EXPECT_FALSE(parse_ticket_state(octets, s));
  octets[45] = 6;  // HMAC-SHA-384, whose keys are that long
  EXPECT_TRUE(parse_ticket_state(octets, s));
}

TEST(TicketState, DoesNotWriteWhatItWouldNotRead) {
  Octets out(kTicketStateMax);
  TicketState s = sample();
  const Octets long_key = filled(48, 1);
  s.sk_d = long_key;
  EXPECT_EQ(write_ticket_state(s, out), 0u);
  s = sample();
  const Octets long_eap = filled(256, 1);
  s.eap_identity = long_eap;
  EXPECT_EQ(write_ticket_state(s, out), 0u);
  s = sample();
  const Octets long_id = filled(kTicketStateMax, 1);
  s.id_i = long_id;
  EXPECT_EQ(write_ticket_state(s, out), 0u);
  EXPECT_EQ(write_ticket_state(sample(), crypto::MutBytes(out).first(100)), 0u);
}

TEST(TicketState, LargestIdentitiesStillFit) {  // R5723-22
  TicketState s = sample();
  const Octets id = filled(kIdBodyMax / 2, 1);
  s.id_i = id;
  s.id_r = id;
  Octets out(kTicketStateMax);
  EXPECT_GT(write_ticket_state(s, out), 0u);
}

TEST(TicketHeader, ReadsBackAndRefusesOtherVersions) {  // R5723-20, R5723-82
  Octets ticket(kTicketOverhead + kTicketStateFixedLen);
  write_ticket_header({crypto::TicketKeyId(0x01020304), IssuerId(0x1112131415161718),
                       TicketSerial(0x2122232425262728)},
                      ticket.data());
  EXPECT_EQ(to_hex(crypto::Bytes(ticket).first(24)),
            "01000000"
            "01020304"
            "1112131415161718"
            "2122232425262728");
  TicketHeader h;
  ASSERT_TRUE(parse_ticket_header(ticket, h));
  EXPECT_EQ(h.key_id, crypto::TicketKeyId(0x01020304));
  EXPECT_EQ(h.issuer, IssuerId(0x1112131415161718));
  EXPECT_EQ(h.serial, TicketSerial(0x2122232425262728));
  for (std::size_t at = 0; at < 4; ++at) {
    Octets bad = ticket;
    bad[at] = static_cast<std::uint8_t>(bad[at] ^ 1);
    EXPECT_FALSE(parse_ticket_header(bad, h)) << at;
  }
}

TEST(TicketHeader, RefusesLengthsThatNoTicketHas) {  // R5723-74, R5723-77
  TicketHeader h;
  for (std::size_t len = 0; len <= 2000; ++len) {
    Octets ticket(len);
    if (len >= 24) write_ticket_header({}, ticket.data());
    EXPECT_EQ(parse_ticket_header(ticket, h), len >= 100 && len <= kTicketLenMax) << len;
  }
}

TEST(Ticket, OpensWithItsKeyOnly) {  // R5723-80, R5723-83
  for (const auto& engine : engines()) {
    const Octets ticket = sealed(*engine, key_of(1, 0xaa));
    ASSERT_GT(ticket.size(), kTicketOverhead);
    EXPECT_TRUE(opens(*engine, key_of(1, 0xaa), ticket));
    EXPECT_FALSE(opens(*engine, key_of(1, 0xab), ticket));
    EXPECT_FALSE(opens(*engine, key_of(2, 0xaa), ticket));
  }
}

TEST(Ticket, EveryChangedBitIsRefused) {  // R5723-78, R5723-79
  for (const auto& engine : engines()) {
    const crypto::TicketKey key = key_of(1, 0xaa);
    const Octets good = sealed(*engine, key);
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
      Octets bad = good;
      bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1u << (bit % 8)));
      EXPECT_FALSE(opens(*engine, key, bad)) << bit;
    }
  }
}

TEST(Ticket, EveryTruncationAndAppendixIsRefused) {  // R5723-75, R5723-76
  const auto engine = crypto::make_ossl_engine();
  const crypto::TicketKey key = key_of(1, 0xaa);
  const Octets good = sealed(*engine, key);
  for (std::size_t len = 0; len < good.size(); ++len)
    EXPECT_FALSE(opens(*engine, key, crypto::Bytes(good).first(len)));
  for (const std::size_t more : {1u, 4u, 1000u}) {
    Octets longer = good;
    longer.insert(longer.end(), more, std::uint8_t{0});
    EXPECT_FALSE(opens(*engine, key, longer));
  }
}

TEST(Ticket, ContentIsHiddenAndEveryTicketDiffers) {  // R5723-17, R5723-21
  const auto engine = crypto::make_ossl_engine();
  const crypto::TicketKey key = key_of(1, 0xaa);
  std::set<std::string> seen;
  for (std::uint64_t serial = 0; serial < 1000; ++serial) {
    const Octets ticket = sealed(*engine, key, serial);
    for (const Octets& secret : {kSkD, kIdI, kIdR, kEap, from_hex("3132333435363738")})
      EXPECT_TRUE(std::ranges::search(ticket, secret).empty());
    EXPECT_TRUE(seen.insert(to_hex(crypto::Bytes(ticket).subspan(24))).second);
  }
}

TEST(Ticket, EnginesWriteTheSameOctets) {
  const auto all = engines();
  for (const auto& engine : all)
    EXPECT_EQ(to_hex(sealed(*engine, key_of(1, 0xaa))), to_hex(sealed(*all[0], key_of(1, 0xaa))));
}

TEST(Ticket, KeysDifferByIssuerAndTicketKey) {
  const auto engine = crypto::make_ossl_engine();
  const auto derive = [&](std::uint8_t fill, std::uint64_t issuer) {
    Octets out(32);
    derive_ticket_key(*engine, filled(32, fill), IssuerId(issuer), out.data());
    return out;
  };
  EXPECT_EQ(derive(1, 2), derive(1, 2));
  EXPECT_NE(derive(1, 2), derive(1, 3));
  EXPECT_NE(derive(1, 2), derive(2, 2));
}

TEST(Ticket, NonceIsZeroAndSerial) {
  Octets nonce(12, 0xff);
  write_ticket_nonce(TicketSerial(0x0102030405060708), nonce.data());
  EXPECT_EQ(to_hex(nonce), "000000000102030405060708");
}

TEST(Ticket, FailsWhenTheBufferIsTooSmall) {
  const auto engine = crypto::make_ossl_engine();
  const crypto::TicketKey key = key_of(1, 0xaa);
  const std::size_t len = sealed(*engine, key).size();
  Octets out(len);
  for (std::size_t room = 0; room < len; ++room)
    EXPECT_EQ(seal_ticket(*engine, key, IssuerId(1), TicketSerial(1), sample(),
                          crypto::MutBytes(out).first(room)),
              0u);
  EXPECT_EQ(seal_ticket(*engine, key, IssuerId(1), TicketSerial(1), sample(), out), len);
}

}  // namespace
}  // namespace ike
