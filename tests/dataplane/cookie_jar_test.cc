// CookieJar: what a cookie is bound to, how long it is good, and when cookies are demanded (RFC
// 7296 §2.6).
#include "dataplane/cookie_jar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace dp {
namespace {

const std::vector<std::uint8_t> kSeed(32, 0x5e);
constexpr std::uint64_t kStart = 10 * kRotateMs;

Now at(std::uint64_t ms) { return {.ms = ms, .unix_s = 0}; }

struct Client {
  Client() {
    path.source = {203, 0, 113, 9};
    path.source_port = 500;
  }
  CookieJar::Request request(crypto::Bytes cookie = {}) const {
    return {
        .path = &path, .exchange = exchange, .spi_i = spi_i, .nonce_i = nonce, .cookie = cookie};
  }
  std::array<std::uint8_t, kCookieLen> ask(CookieJar& jar) const {
    CookieJar::Request r = request();
    jar.bake({&r, 1});
    return r.fresh;
  }
  bool passes(CookieJar& jar, crypto::Bytes cookie) const {
    CookieJar::Request r = request(cookie);
    r.good = true;
    jar.check({&r, 1});
    return r.good;
  }
  Path path;
  ike::Exchange exchange = ike::Exchange::ike_session_resume;
  ike::IkeSpi spi_i{0x1122334455667788};
  std::vector<std::uint8_t> nonce = std::vector<std::uint8_t>(32, 3);
};

class CookieJarTest : public testing::Test {
 protected:
  std::unique_ptr<crypto::Engine> engine_ = crypto::make_ossl_engine();
  AdmissionConfig config_;
  CookieJar jar_{*engine_, kSeed, config_};
  void SetUp() override { jar_.tick(at(kStart), 0); }
};

TEST_F(CookieJarTest, AcceptsItsOwnCookie) {
  const Client client;
  const auto cookie = client.ask(jar_);
  EXPECT_TRUE(client.passes(jar_, cookie));
  EXPECT_EQ(client.ask(jar_), cookie) << "a repeated request is answered alike";
}

TEST_F(CookieJarTest, BindsTheCookieToSourceSpiNonceAndExchange) {
  const auto cookie = Client().ask(jar_);
  Client other;
  other.path.source[3] ^= 1;
  EXPECT_FALSE(other.passes(jar_, cookie)) << "source";
  other = Client();
  other.spi_i = ike::IkeSpi(1);
  EXPECT_FALSE(other.passes(jar_, cookie)) << "SPIi";
  other = Client();
  other.nonce[31] ^= 1;
  EXPECT_FALSE(other.passes(jar_, cookie)) << "Ni";
  other = Client();
  other.exchange = ike::Exchange::ike_sa_init;
  EXPECT_FALSE(other.passes(jar_, cookie)) << "exchange";
  other = Client();
  other.path.source_port = 4500;
  EXPECT_TRUE(other.passes(jar_, cookie)) << "a NAT may change the port";
}

// An IPv4 client must not get a cookie for an IPv6 source whose last octets it sends as its nonce.
TEST_F(CookieJarTest, KeepsSourceAndNonceApart) {
  Client four;
  four.nonce.assign(28, 0x77);
  const auto cookie = four.ask(jar_);
  Client six;
  six.path.is_ip6 = true;
  six.path.source.fill(0x77);
  std::ranges::copy(four.path.source_octets(), six.path.source.begin());
  six.nonce.assign(16, 0x77);
  EXPECT_FALSE(six.passes(jar_, cookie));
}

TEST_F(CookieJarTest, RefusesEveryFlippedBitAndWrongLength) {
  const Client client;
  const auto cookie = client.ask(jar_);
  for (std::size_t i = 0; i < kCookieLen * 8; ++i) {
    auto altered = cookie;
    altered[i / 8] ^= static_cast<std::uint8_t>(1u << (i % 8));
    EXPECT_FALSE(client.passes(jar_, altered)) << "bit " << i;
  }
  std::vector<std::uint8_t> longer(cookie.begin(), cookie.end());
  longer.push_back(0);
  EXPECT_FALSE(client.passes(jar_, {}));
  EXPECT_FALSE(client.passes(jar_, crypto::Bytes(cookie).first(kCookieLen - 1)));
  EXPECT_FALSE(client.passes(jar_, crypto::Bytes(cookie).first(1)));
  EXPECT_FALSE(client.passes(jar_, longer));
}

TEST_F(CookieJarTest, AcceptsTheSecretBeforeAndNoOlderOne) {
  const Client client;
  const auto cookie = client.ask(jar_);
  jar_.tick(at(kStart + 2 * kRotateMs - 1), 0);
  EXPECT_TRUE(client.passes(jar_, cookie));
  const auto newer = client.ask(jar_);
  EXPECT_NE(newer, cookie);
  jar_.tick(at(kStart + 2 * kRotateMs), 0);
  EXPECT_FALSE(client.passes(jar_, cookie));
  EXPECT_TRUE(client.passes(jar_, newer));
}

TEST_F(CookieJarTest, ForgetsOldSecretsAfterALongSilence) {
  const Client client;
  const auto cookie = client.ask(jar_);
  // 256 periods later the version octet is the same again.
  jar_.tick(at(kStart + 256 * kRotateMs), 0);
  EXPECT_FALSE(client.passes(jar_, cookie));
}

TEST_F(CookieJarTest, SharesSecretsBetweenWorkers) {
  CookieJar other(*engine_, kSeed, config_);
  other.tick(at(kStart + kRotateMs), 0);  // it started later
  const Client client;
  const auto cookie = client.ask(jar_);
  EXPECT_TRUE(client.passes(other, cookie));
  CookieJar stranger(*engine_, std::vector<std::uint8_t>(32, 1), config_);
  stranger.tick(at(kStart), 0);
  EXPECT_FALSE(client.passes(stranger, cookie));
}

TEST_F(CookieJarTest, WorksAtTheFirstPeriodOfTheClock) {
  CookieJar jar(*engine_, kSeed, config_);
  jar.tick(at(0), 0);
  EXPECT_TRUE(Client().passes(jar, Client().ask(jar)));
}

TEST_F(CookieJarTest, JudgesEachRequestOfABatchAlone) {
  std::vector<Client> clients(70);
  for (std::size_t i = 0; i < clients.size(); ++i) clients[i].spi_i = ike::IkeSpi(i + 1);
  std::vector<CookieJar::Request> requests;
  for (const Client& client : clients) requests.push_back(client.request());
  jar_.bake(requests);
  std::vector<std::vector<std::uint8_t>> cookies;
  for (const CookieJar::Request& r : requests) cookies.emplace_back(r.fresh.begin(), r.fresh.end());
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i % 3 == 1) cookies[i][5] ^= 1;
    if (i % 7 == 2) cookies[i].clear();
    requests[i].cookie = cookies[i];
  }
  jar_.check(requests);
  for (std::size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(requests[i].good, i % 3 != 1 && i % 7 != 2) << i;
  // Who has a good one needs no other.
  for (CookieJar::Request& r : requests) r.fresh = {};
  jar_.bake(requests);
  for (const CookieJar::Request& r : requests)
    EXPECT_EQ(r.fresh == decltype(r.fresh){}, r.good);
  jar_.check({});
  jar_.bake({});
}

TEST_F(CookieJarTest, TakesNoncesOfEveryLegalLength) {
  Client client;
  for (const std::size_t len : {ike::kNonceLenMin, ike::kNonceLenMax}) {
    client.nonce.assign(len, 1);
    client.path.is_ip6 = true;
    EXPECT_TRUE(client.passes(jar_, client.ask(jar_)));
  }
}

TEST_F(CookieJarTest, DemandsCookiesAtTheForgedRateAndNotBelow) {
  jar_.note_forged(config_.cookie_on_forged_per_s - 1);
  jar_.tick(at(kStart + 10), 0);
  EXPECT_FALSE(jar_.demanded());
  jar_.note_forged(1);
  jar_.tick(at(kStart + 20), 0);
  EXPECT_TRUE(jar_.demanded()) << "at once, not at the end of the second";
}

TEST_F(CookieJarTest, CountsForgedTicketsBySecond) {
  std::uint64_t ms = kStart;
  for (int second = 0; second < 5; ++second) {
    ms += 1000;
    jar_.tick(at(ms), 0);  // begins a window
    jar_.note_forged(config_.cookie_on_forged_per_s - 1);
    jar_.tick(at(ms + 999), 0);
    EXPECT_FALSE(jar_.demanded()) << second;
  }
}

TEST_F(CookieJarTest, DemandsCookiesAtHalfOpensWithoutProof) {
  jar_.tick(at(kStart + 1), config_.cookie_on_half_opens - 1);
  EXPECT_FALSE(jar_.demanded());
  jar_.tick(at(kStart + 2), config_.cookie_on_half_opens);
  EXPECT_TRUE(jar_.demanded());
}

TEST_F(CookieJarTest, HoldsTheModeAfterTheAttackEnded) {
  jar_.tick(at(kStart + 1), config_.cookie_on_half_opens);
  jar_.tick(at(kStart + 5000), config_.cookie_on_half_opens);  // goes on: the hold begins anew
  jar_.tick(at(kStart + 5000 + config_.cookie_hold_ms - 1), 0);
  EXPECT_TRUE(jar_.demanded());
  jar_.tick(at(kStart + 5000 + config_.cookie_hold_ms), 0);
  EXPECT_FALSE(jar_.demanded());
}

TEST_F(CookieJarTest, ObeysAFixedMode) {
  config_.cookies = CookieMode::always;
  CookieJar always(*engine_, kSeed, config_);
  EXPECT_TRUE(always.demanded());
  always.tick(at(kStart), 0);
  EXPECT_TRUE(always.demanded());
  config_.cookies = CookieMode::never;
  CookieJar never(*engine_, kSeed, config_);
  never.note_forged(10 * config_.cookie_on_forged_per_s);
  never.tick(at(kStart), 10 * config_.cookie_on_half_opens);
  EXPECT_FALSE(never.demanded());
}

}  // namespace
}  // namespace dp
