// The bag for a next run: new tickets of who resumed, old ones of who may try again.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tools/storm_fixture.h"
#include "tools/storm/ticket_saver.h"

namespace storm {
namespace {

TEST(TicketSaver, KeepsNewTicketsAndThoseThatAreStillGood) {
  Storm s(6);
  const std::string path = s.fixture.folder + "/next";
  auto saver = TicketSaver::create(path, s.fixture.bag.get(), 6);
  ASSERT_TRUE(saver.has_value());
  const auto engine = crypto::make_ossl_engine();
  auto made = Initiator::make(s.config, *s.fixture.bag, *engine, s.random, &*saver);
  ASSERT_TRUE(made.has_value());
  Initiator& initiator = **made;
  std::array<Outgoing, kBatchMax> out;
  // Three resume; one is refused; one gets no answer; one is never told about.
  std::map<std::uint32_t, Octets> sk_d;
  while (const std::size_t count = initiator.poll(s.now, out)) {
    std::vector<Octets> answers;
    for (const Outgoing& o : std::span(out).first(count)) {
      s.gateway.nack_all = o.client == 3;
      if (o.client < 4) answers.push_back(s.gateway.answer(o.message));
    }
    std::vector<crypto::Bytes> views(answers.begin(), answers.end());
    initiator.receive(views, s.now);
  }
  EXPECT_EQ(initiator.totals().resumed(), 3u);
  saver->failed(4, Outcome::no_message_2);
  ASSERT_TRUE(saver->commit(5).has_value());

  const auto next = TicketBag::open(path);
  ASSERT_TRUE(next.has_value()) << next.error().text;
  ASSERT_EQ(next->count(), 5u);
  for (std::size_t i = 0; i < 3; ++i) {
    const Credential c = next->at(i);
    const auto& session = s.gateway.sessions().at(c.spi_i.value());
    EXPECT_TRUE(std::ranges::equal(c.sk_d, session.keys().sk_d));
    EXPECT_EQ(crypto::load_be64(c.ticket.data()), c.spi_i.value());
    EXPECT_GT(c.expires_s, 1'700'000'000u);
    EXPECT_EQ(c.ip4, session.credential.ip4);
  }
  EXPECT_EQ(next->at(3).spi_i, s.fixture.bag->at(4).spi_i);
  EXPECT_EQ(next->at(4).spi_i, s.fixture.bag->at(5).spi_i);
}

TEST(TicketSaver, SaysWhenNothingIsLeft) {
  Storm s(1);
  auto saver = TicketSaver::create(s.fixture.folder + "/next", s.fixture.bag.get(), 1);
  ASSERT_TRUE(saver.has_value());
  saver->failed(0, Outcome::nack);
  EXPECT_FALSE(saver->commit(5).has_value());
}

}  // namespace
}  // namespace storm
