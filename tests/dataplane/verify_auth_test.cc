// verify_auth: identities and AUTH in both forms. Whatever is wrong, the answer is protected and
// says AUTHENTICATION_FAILED alone; the new SA ends, the old one and the ticket are unharmed.
#include <gtest/gtest.h>

#include <algorithm>

#include "ike/proposal.h"
#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::AuthForm;
using ike::Notify;
using ike::PayloadType;
using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::RawChain;
using rig::Reaction;
using rig::ScalarClient;

Octets text(std::string_view s) { return {s.begin(), s.end()}; }
Octets auth_body(const Octets& value, std::uint8_t method = 2) {
  return Octets{method, 0, 0, 0} + value;
}
// AUTH of the RFC form over another IDi body or message.
Octets auth_over(const ScalarClient& c, const Octets& message1, const Octets& nonce_r,
                 const Octets& id_i) {
  return c.prf(c.keys.pi, message1 + nonce_r + c.prf(c.keys.pi, id_i));
}

struct WrongAuth {
  const char* row;
  const char* what;
  std::function<void(ScalarClient&, RawChain&)> edit;
};

const WrongAuth kWrong[] = {
    {"R5723-116", "another identity, AUTH right for it",
     [](ScalarClient& c, RawChain& inner) {
       inner[0].body.back() ^= 1;
       inner[2].body = auth_body(auth_over(c, c.message1, c.nonce_r, inner[0].body));
     }},
    {"R5723-116", "a prefix of the identity",
     [](ScalarClient& c, RawChain& inner) {
       inner[0].body.pop_back();
       inner[2].body = auth_body(auth_over(c, c.message1, c.nonce_r, inner[0].body));
     }},
    {"R5723-116", "the identity with an octet more",
     [](ScalarClient& c, RawChain& inner) {
       inner[0].body.push_back(0);
       inner[2].body = auth_body(auth_over(c, c.message1, c.nonce_r, inner[0].body));
     }},
    {"R5723-117", "RFC822 instead of FQDN",
     [](ScalarClient& c, RawChain& inner) {
       inner[0].body[0] = 3;
       inner[2].body = auth_body(auth_over(c, c.message1, c.nonce_r, inner[0].body));
     }},
    {"R5723-118", "another IDr", [](ScalarClient&, RawChain& inner) { inner[1].body.back() ^= 1; }},
    {"R5723-118", "IDr of another type",
     [](ScalarClient&, RawChain& inner) { inner[1].body[0] = 3; }},
    {"R5723-119", "no IDi", [](ScalarClient&, RawChain& inner) { inner.erase(inner.begin()); }},
    {"R5723-120", "first bit of AUTH",
     [](ScalarClient&, RawChain& inner) { inner[2].body[4] ^= 1; }},
    {"R5723-120", "last bit of AUTH",
     [](ScalarClient&, RawChain& inner) { inner[2].body.back() ^= 0x80; }},
    {"R5723-120", "AUTH one octet short",
     [](ScalarClient&, RawChain& inner) { inner[2].body.pop_back(); }},
    {"R5723-120", "AUTH one octet long",
     [](ScalarClient&, RawChain& inner) { inner[2].body.push_back(0); }},
    {"R5723-120", "AUTH reflected: that of the gateway",
     [](ScalarClient& c, RawChain& inner) { inner[2].body = auth_body(c.auth_r()); }},
    {"R5723-121", "as a preshared key with key pad",
     [](ScalarClient& c, RawChain& inner) {
       const Octets key = c.prf(c.keys.pi, text("Key Pad for IKEv2"));
       inner[2].body = auth_body(c.prf(key, c.message1 + c.nonce_r + c.prf(c.keys.pi, c.old.id_i)));
     }},
    {"R5723-122", "with another SK_pi",
     [](ScalarClient& c, RawChain& inner) {
       c.keys.pi[0] ^= 1;
       inner[2].body = auth_body(c.auth_i());
       c.keys.pi[0] ^= 1;
     }},
    {"R5723-122", "with SK_pr",
     [](ScalarClient& c, RawChain& inner) {
       const Octets& pr = c.keys.pr;
       inner[2].body = auth_body(c.prf(pr, c.message1 + c.nonce_r + c.prf(pr, c.old.id_i)));
     }},
    {"R5723-123", "over a message 1 that was not sent",
     [](ScalarClient& c, RawChain& inner) {
       Octets other = c.message1;
       other[40] ^= 1;
       inner[2].body = auth_body(auth_over(c, other, c.nonce_r, c.old.id_i));
     }},
    {"R5723-32", "over Ni in place of Nr",
     [](ScalarClient& c, RawChain& inner) {
       inner[2].body = auth_body(auth_over(c, c.message1, c.nonce_i, c.old.id_i));
     }},
    {"R5723-125", "RSA", [](ScalarClient&, RawChain& inner) { inner[2].body[0] = 1; }},
    {"R5723-125", "digital signature",
     [](ScalarClient&, RawChain& inner) { inner[2].body[0] = 14; }},
    {"R5723-125", "NULL authentication",
     [](ScalarClient&, RawChain& inner) { inner[2].body[0] = 13; }},
    {"R5723-125", "method 0", [](ScalarClient&, RawChain& inner) { inner[2].body[0] = 0; }},
    {"R5723-126", "no AUTH, as EAP begins",
     [](ScalarClient&, RawChain& inner) { inner.erase(inner.begin() + 2); }},
    {"R5723-126", "EAP in place of AUTH",
     [](ScalarClient&, RawChain& inner) {
       inner[2] = {.type = PayloadType::eap, .body = {2, 1, 0, 5, 1}};
     }},
    {"CORE-47", "INITIAL_CONTACT with bad AUTH",
     [](ScalarClient&, RawChain& inner) {
       inner[2].body[9] ^= 1;
       inner.push_back(rig::raw_notify(Notify::initial_contact));
     }},
    {"R5723-135", "nothing at all", [](ScalarClient&, RawChain& inner) { inner.clear(); }},
};

// R5723-54, R5723-88 with each of them: the old SA lives and the ticket is not spent.
TEST(VerifyAuth, RefusesWhatIsWrong) {
  GatewayProbe probe;
  for (const WrongAuth& c : kWrong) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what);
    rig::Resumed old = probe.resume();
    ASSERT_EQ(old.complaint, "");
    const rig::Keepsake kept = old.client.renewed(*old.message4);
    const std::uint64_t before = probe.sessions();

    ScalarClient client = probe.client_of(kept);
    ASSERT_TRUE(probe.open(client));
    RawChain inner = client.plain_inner3();
    c.edit(client, inner);
    const Reaction reaction = probe.send(client.seal(inner));
    EXPECT_EQ(reaction.drop(), Drop::auth_failed) << reaction.describe();
    ASSERT_EQ(reaction.answers.size(), 1u);
    const auto answer = client.open(reaction.answers[0]);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->message_id, 1u);
    EXPECT_EQ(answer->exchange, ike::Exchange::ike_auth);
    ASSERT_EQ(answer->payloads.size(), 1u);
    EXPECT_EQ(answer->notify(Notify::authentication_failed), Octets{});
    EXPECT_EQ(probe.half_opens(), 0u);
    EXPECT_EQ(probe.sessions(), before);
    // The failed session is gone: even the right message 3 finds nothing.
    EXPECT_EQ(probe.send(client.message3()).drop(), Drop::spi_unknown);

    const Octets dpd =
        old.client.seal({}, {.exchange = ike::Exchange::informational, .message_id = 2});
    EXPECT_EQ(probe.send(dpd).answers.size(), 1u);
    ScalarClient again = probe.client_of(kept);
    ASSERT_TRUE(probe.open(again));
    EXPECT_EQ(probe.finish(std::move(again)).complaint, "");
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-32, R5723-33, R5723-34, R5723-35, R5723-124: each form is answered in itself, for every
// suite, and only where the connection's policy takes it.
TEST(VerifyAuth, TakesTheFormsThatPolicyTakes) {
  using Policy = ike::AuthFormPolicy;
  const struct {
    Policy policy;
    bool rfc, libreswan;
  } cases[] = {{Policy::automatic, true, true},
               {Policy::rfc, true, false},
               {Policy::libreswan, false, true}};
  for (const auto& c : cases) {
    GatewayProbe probe(
        {.configure = [&](WorkerConfig& config) { config.connections[0].auth_form = c.policy; }});
    for (const ike::Suite& suite : ike::default_ike_suites()) {
      for (const AuthForm form : {AuthForm::rfc, AuthForm::libreswan}) {
        SCOPED_TRACE(testing::Message() << "policy " << static_cast<int>(c.policy) << " form "
                                        << static_cast<int>(form));
        const bool good = form == AuthForm::rfc ? c.rfc : c.libreswan;
        ScalarClient client = probe.client({.suite = suite});
        ASSERT_TRUE(probe.open(client));
        const Reaction reaction = probe.send(client.seal(client.plain_inner3(form)));
        ASSERT_EQ(reaction.answers.size(), 1u);
        const auto message4 = client.open(reaction.answers[0]);
        ASSERT_TRUE(message4.has_value());
        if (good) {
          EXPECT_EQ(client.judge(*message4, form), "");
        } else {
          EXPECT_EQ(reaction.drop(), Drop::auth_failed);
          EXPECT_EQ(message4->notifies(), std::vector<std::uint16_t>{24});
        }
      }
    }
  }
}

// A burst of both forms, several suites and one liar: no lane changes another one's result.
TEST(VerifyAuth, LanesAreJudgedEachByItself) {
  GatewayProbe probe;
  std::vector<ScalarClient> clients;
  std::vector<Octets> messages;
  const auto suites = ike::default_ike_suites();
  for (unsigned i = 0; i < 32; ++i) {
    clients.push_back(probe.client({.suite = suites[i % suites.size()]}));
    ASSERT_TRUE(probe.open(clients.back()));
    RawChain inner = clients.back().plain_inner3(i % 3 == 0 ? AuthForm::libreswan : AuthForm::rfc);
    if (i == 17) inner[2].body[20] ^= 1;
    messages.push_back(clients.back().seal(inner));
  }
  const Reaction reaction = probe.send_all(messages);
  ASSERT_EQ(reaction.answers.size(), 32u);
  EXPECT_EQ(reaction.drop(), Drop::auth_failed);
  for (const Octets& answer : reaction.answers) {
    const std::uint64_t spi_i = crypto::load_be64(answer.data());
    const auto at = std::ranges::find(clients, spi_i, &ScalarClient::spi_i);
    ASSERT_NE(at, clients.end());
    const auto i = static_cast<unsigned>(at - clients.begin());
    const auto message4 = at->open(answer);
    ASSERT_TRUE(message4.has_value()) << i;
    EXPECT_EQ(at->judge(*message4, i % 3 == 0 ? AuthForm::libreswan : AuthForm::rfc) == "", i != 17)
        << i;
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::libreswan_form), 11u);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-64: the reserved octets of IDi are MACed as they came and compared with nothing.
TEST(VerifyAuth, ReservedOctetsOfIdiAreMacedAsSent) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  std::copy_n(Octets{1, 2, 3}.begin(), 3, client.old.id_i.begin() + 1);
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// CORE-46: identities of every type and of odd lengths, octet for octet.
TEST(VerifyAuth, IdentitiesOfEveryTypeAndLength) {
  GatewayProbe probe;
  for (const std::uint8_t type : std::initializer_list<std::uint8_t>{1, 2, 3, 5, 9, 11, 201}) {
    for (const std::size_t len : {9u, 20u, 100u, 300u}) {
      SCOPED_TRACE(testing::Message() << int{type} << " " << len);
      Octets id_i = Octets{type, 0, 0, 0} + Octets(len - 4, type);
      ScalarClient client = probe.client({.state = [&](auto& s) { s.id_i = id_i; }});
      client.old.id_i = id_i;
      ASSERT_TRUE(probe.open(client));
      EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
    }
  }
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
