// Tickets as text.
#include <gtest/gtest.h>

#include <algorithm>

#include "controlplane/hex_text.h"
#include "controlplane/identity_text.h"
#include "crypto/engine.h"
#include "ike/ticket.h"
#include "tests/controlplane/scratch_folder.h"
#include "tools/keys/ticket_view.h"

namespace keys {
namespace {

constexpr std::uint64_t kNow = 1'760'000'000;

class TicketViewTest : public testing::Test {
 protected:
  TicketViewTest() {
    const std::string id_i = cp::parse_identity("@client0.example").value();
    const std::string id_r = cp::parse_identity("gw@example.org").value();
    const auto bytes = [](const std::string& s) {
      return crypto::Bytes(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());
    };
    ike::TicketState state;
    state.expires_s = kNow + 3600;
    state.full_auth_s = kNow - 60;
    state.connection = 0xabcd;
    state.suite.ke = ike::KeId::curve25519;
    state.sk_d = sk_d_;
    state.id_i = bytes(id_i);
    state.id_r = bytes(id_r);
    state.flags.has_ip4 = true;
    state.ip4 = {10, 0, 0, 7};
    ticket_.resize(ike::kTicketLenMax);
    const auto engine = crypto::make_ossl_engine();
    ticket_.resize(ike::seal_ticket(*engine, ring_.current(), ike::IssuerId(0x1122334455667788),
                                    ike::TicketSerial(9), state, ticket_));
  }

  crypto::Keyring ring_ = crypto::Keyring::create(kNow);
  std::vector<std::uint8_t> sk_d_ = std::vector<std::uint8_t>(32, 0x5d);
  std::vector<std::uint8_t> ticket_;
};

TEST_F(TicketViewTest, ShowsTheHeaderWithoutAKeyring) {
  const std::string text = ticket_text(ticket_, nullptr, kNow).value();
  EXPECT_NE(text.find("issuer             1122334455667788\n"), std::string::npos) << text;
  EXPECT_NE(text.find("serial             9\n"), std::string::npos);
  EXPECT_EQ(text.find("IDi"), std::string::npos);
}

TEST_F(TicketViewTest, ShowsTheStateWithTheKeyringButNeverSkD) {
  const std::string text = ticket_text(ticket_, &ring_, kNow).value();
  for (const char* part :
       {"(in 1h)", "(1m ago)", "connection         0000abcd", "aes256gcm16-prfsha256-x25519",
        "IDi                @client0.example", "IDr                gw@example.org",
        "IPv4 lease         10.0.0.7", "SK_d               32 octets, not shown"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  EXPECT_EQ(text.find("5d5d"), std::string::npos);
}

TEST_F(TicketViewTest, SaysWhyATicketIsWorthless) {
  const crypto::Keyring other = crypto::Keyring::create(kNow);
  EXPECT_NE(ticket_text(ticket_, &other, kNow)->find("does not have this key"), std::string::npos);
  ticket_.back() ^= 1;
  EXPECT_NE(ticket_text(ticket_, &ring_, kNow)->find("forged or altered"), std::string::npos);
  EXPECT_EQ(ticket_text(crypto::Bytes(ticket_).first(10), &ring_, kNow).error().text,
            "these 10 octets are no ticket of version 1, by value");
}

TEST_F(TicketViewTest, ReadsHexBase64AndFiles) {
  const std::string hex = cp::hex_text(ticket_);
  EXPECT_EQ(read_ticket(hex).value(), ticket_);
  EXPECT_EQ(read_ticket("0x" + hex).value(), ticket_);
  const cp::ScratchFolder folder;
  EXPECT_EQ(read_ticket(folder.write("hex", hex + "\n")).value(), ticket_);
  EXPECT_EQ(read_ticket(folder.write("raw", {ticket_.begin(), ticket_.end()})).value(), ticket_);
  EXPECT_EQ(parse_ticket_text("AQID_w==").value(), (std::vector<std::uint8_t>{1, 2, 3, 0xff}));
  EXPECT_FALSE(read_ticket(folder.write("text", "no ticket at all!")));
  EXPECT_FALSE(read_ticket(folder.write("long", std::string(100'000, 'a'))));
  EXPECT_FALSE(read_ticket("no such file"));
}

}  // namespace
}  // namespace keys
