// Every state with every exchange, as request and as response, protected and in clear: what the
// table of edges does not name changes nothing of the SA (RFC 7296 §2.21, §3.1).
#include <gtest/gtest.h>

#include "controlplane/machine.h"
#include "tests/controlplane/psk_test.h"
#include "tests/controlplane/sa_text.h"

namespace cp {
namespace {

constexpr std::array kStates = {SaState::intermediate, SaState::half_open, SaState::eap,
                                SaState::established,  SaState::replaced,  SaState::closed};
static_assert(kStates.size() == static_cast<std::size_t>(SaState::count));
// The known exchanges, what lies beside them, and what nobody knows.
constexpr std::array<std::uint8_t, 18> kExchanges = {0,  1,  33, 34, 35, 36, 37,  38,  39,
                                                     40, 41, 42, 43, 44, 45, 128, 240, 255};
enum class Form : std::uint8_t { sealed, forged, clear };

class MachineStates : public PskTest {
 protected:
  // A client whose SA is in that state. What cannot be reached without a RADIUS server, or never
  // stands in the table, is set.
  bool reach(SaState state) {
    const bool authenticated = state == SaState::established || state == SaState::replaced;
    if (!(authenticated ? connect() : init())) return false;
    if (state == SaState::replaced)
      if (!ask(client.rekey_ike(ike::IkeSpi(0x4242'0000 + client.spi_i.value() % 1000))).ok)
        return false;
    if (!authenticated) rig.sa(client.spi_r)->state = state;
    return rig.sa(client.spi_r)->state == state;
  }
  Octets message(ike::Exchange exchange, bool response, Form form) {
    Octets out;
    if (response) {
      const ike::Header header{.spi_i = client.spi_i,
                               .spi_r = client.spi_r,
                               .exchange = exchange,
                               .message_id = ike::MessageId(0)};
      out = client.answer(header, ike::PayloadType::none, {});
    } else {
      out = client.empty_request(exchange);
    }
    if (form == Form::forged) out.back() ^= 1;
    if (form == Form::clear) {
      out.resize(ike::kHeaderLen);
      out[16] = 0;  // no payload
      crypto::store_be32(out.data() + 24, static_cast<std::uint32_t>(out.size()));
    }
    return out;
  }
  // Does `test` with a client of its own for each state, exchange and direction.
  template <class Test>
  void for_each_pair(Form form, Test test) {
    std::uint64_t seed = 100;
    for (const SaState state : kStates)
      for (const std::uint8_t number : kExchanges)
        for (const bool response : {false, true}) {
          SCOPED_TRACE(
              fmt::format("{} exchange {} response {}", state_name(state), number, response));
          client.spi_i = ike::IkeSpi(++seed);
          client.tx_counter = 0;
          ASSERT_TRUE(reach(state));
          const auto exchange = static_cast<ike::Exchange>(number);
          const Octets octets = message(exchange, response, form);
          test(*rig.sa(client.spi_r), find_edge(state, exchange), response, octets);
          std::vector<ike::IkeSpi> all;
          rig.sas().for_each([&](IkeSa& sa) { all.push_back(sa.our_spi()); });
          for (const ike::IkeSpi spi : all) rig.sas().remove(spi);
        }
  }
};

TEST_F(MachineStates, TheTableNamesEachPairOnceAndFindsNoOther) {
  std::size_t found = 0;
  for (const SaState state : kStates)
    for (unsigned exchange = 0; exchange < 256; ++exchange) {
      const Edge* edge = find_edge(state, static_cast<ike::Exchange>(exchange));
      if (edge == nullptr) continue;
      ++found;
      EXPECT_EQ(edge->from, state);
      EXPECT_EQ(static_cast<unsigned>(edge->exchange), exchange);
      EXPECT_NE(edge->serve, nullptr);
      // Nothing becomes less than it was.
      for (const SaState next : kStates)
        EXPECT_TRUE(next >= state || !edge->to[static_cast<std::size_t>(next)]);
    }
  EXPECT_EQ(found, all_edges().size());
  EXPECT_EQ(found, 10u);
  // RFC 7296 §1.2, RFC 9242 §3.2: nothing but IKE_INTERMEDIATE and IKE_AUTH comes before
  // authentication, and nothing of them afterwards.
  for (const Edge& edge : all_edges())
    EXPECT_EQ(edge.exchange == ike::Exchange::ike_auth ||
                  edge.exchange == ike::Exchange::ike_intermediate,
              !is_authenticated(edge.from));
  // RFC 9370 §2.2.2: nor IKE_AUTH before the last key exchange.
  EXPECT_EQ(find_edge(SaState::intermediate, ike::Exchange::ike_auth), nullptr);
}

TEST_F(MachineStates, ForgedAndClearMessagesChangeNothing) {
  for (const Form form : {Form::forged, Form::clear})
    for_each_pair(form, [&](const IkeSa& sa, const Edge*, bool, const Octets& octets) {
      const std::string before = text_of(sa);
      const std::size_t sas = rig.sas().size(), orders = rig.orders.size();
      EXPECT_TRUE(rig.exchange(octets, path).empty());  // RFC 7296 §2.21.4
      EXPECT_EQ(rig.sas().size(), sas);
      EXPECT_EQ(rig.orders.size(), orders);
      EXPECT_EQ(text_of(sa), before);
    });
}

TEST_F(MachineStates, AnAuthenticMessageWithoutAnEdgeChangesNoMoreThanTheWindow) {
  for_each_pair(Form::sealed, [&](const IkeSa& sa, const Edge* edge, bool response,
                                  const Octets& octets) {
    if (edge != nullptr && !response) return;  // the other tests of handlers
    const std::string window = window_text(sa), lasting = lasting_text(sa);
    const std::size_t sas = rig.sas().size(), orders = rig.orders.size();
    const std::uint64_t unexpected = rig.counters().unexpected;
    const auto answers = rig.exchange(octets, path);
    ASSERT_EQ(rig.sas().size(), sas);
    EXPECT_EQ(rig.orders.size(), orders);
    EXPECT_EQ(lasting_text(sa), lasting);
    const bool authenticated = sa.state == SaState::established || sa.state == SaState::replaced;
    const bool sa_init = ike::Exchange{octets[18]} == ike::Exchange::ike_sa_init;
    if (response || sa_init || !authenticated) {
      // Nobody asked for that answer; and who is not authenticated gets no answer to what he may
      // not ask.
      EXPECT_TRUE(answers.empty());
      EXPECT_EQ(window_text(sa), window);
      EXPECT_EQ(rig.counters().unexpected, unexpected + (response || sa_init ? 0 : 1));
      return;
    }
    const auto opened = client.open(answers);
    ASSERT_TRUE(opened.ok);
    EXPECT_EQ(client.error_of(opened), number(ike::Notify::invalid_syntax));
    EXPECT_EQ(opened.header.exchange, ike::Exchange{octets[18]});
    EXPECT_EQ(rig.counters().unexpected, unexpected + 1);
    EXPECT_EQ(sa.window.next_request().value(), client.message_id);
    EXPECT_FALSE(sa.window.answer_pending());
  });
}

TEST_F(MachineStates, AnAuthenticRequestWithAnEdgeIsServed) {
  for_each_pair(Form::sealed,
                [&](const IkeSa& sa, const Edge* edge, bool response, const Octets& octets) {
                  // EAP wants a server: on_eap_test.cc.
                  if (edge == nullptr || response || edge->from == SaState::eap) return;
                  const ike::IkeSpi spi = sa.our_spi();
                  const std::uint64_t unexpected = rig.counters().unexpected;
                  EXPECT_FALSE(rig.exchange(octets, path).empty());
                  EXPECT_EQ(rig.counters().unexpected, unexpected);
                  const IkeSa* after = rig.sa(spi);
                  const SaState next = after != nullptr ? after->state : SaState::closed;
                  EXPECT_TRUE(edge->to[static_cast<std::size_t>(next)]);
                });
}

}  // namespace
}  // namespace cp
