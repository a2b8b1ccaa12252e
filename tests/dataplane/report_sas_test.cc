// report_sas: what a worker tells of its SAs, piece by piece, while they come and go.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspProbe;
using rig::GatewayProbe;
using rig::Octets;
using rig::Resumed;
using rig::ScalarClient;
using rig::Tunnel;

Octets octets(crypto::Bytes from) { return {from.begin(), from.end()}; }

std::unique_ptr<Report> ask(GatewayProbe& probe, const Question& question,
                            OrderKind kind = OrderKind::report_sas, unsigned w = 0) {
  probe.question(kind, question, w);
  probe.gateway.run();
  probe.take_punts(w);
  return probe.take_report(w);
}

// The SPIs of one whole list; `between` is called after each piece.
std::vector<std::uint64_t> list(GatewayProbe& probe, const std::function<void()>& between) {
  std::vector<std::uint64_t> spis;
  for (std::uint32_t from = 0; from != kReportEnd;) {
    const auto report = ask(probe, {.number = 1, .from = from});
    if (report == nullptr) break;
    EXPECT_LE(report->sas_count, kReportSas);
    for (const ReportedSa& sa : std::span(report->sas).first(report->sas_count))
      spis.push_back(sa.spi_r.value());
    EXPECT_GT(report->next, from);
    from = report->next;
    between();
  }
  return spis;
}

Resumed resumed(GatewayProbe& probe) {
  Resumed made = probe.resume();
  EXPECT_EQ(made.complaint, "");
  return made;
}

TEST(ReportSas, TellsOfAnSaAsItIs) {
  EspProbe probe;
  Tunnel t = probe.tunnel({.encapsulated = true});
  for (const std::size_t len : {100u, 200u})
    ASSERT_EQ(probe.send_esp(t, t.peer.seal(probe.echo(t, len))).packets.size(), 1u);
  Octets forged = t.peer.seal(probe.echo(t));
  forged.back() ^= 1;
  probe.send_esp(t, forged);
  const auto report = ask(probe, {.number = 7});
  ASSERT_NE(report, nullptr);
  EXPECT_EQ(report->number, 7u);
  EXPECT_EQ(report->next, kReportEnd);
  ASSERT_EQ(report->sas_count, 1u);
  const ReportedSa& sa = report->sas[0];
  EXPECT_EQ(sa.spi_i.value(), t.client.spi_i);
  EXPECT_EQ(sa.spi_r.value(), t.client.spi_r);
  EXPECT_EQ(octets(crypto::Bytes(sa.id_i).first(sa.id_i_len)), t.client.old.id_i);
  EXPECT_EQ(octets(crypto::Bytes(sa.id_r).first(sa.id_r_len)), t.client.old.id_r);
  EXPECT_EQ(octets(probe.gateway.shared().leases.address4(sa.ip4_lease)), t.ip4);
  EXPECT_EQ(sa.resumptions, 1u);
  EXPECT_EQ(sa.established_ms, probe.gateway.now.ms);
  EXPECT_TRUE(sa.path.non_esp_marker);
  EXPECT_EQ(sa.path.local_port, kNatPort);
  ASSERT_TRUE(sa.has_child);
  EXPECT_EQ(sa.child_in.value(), t.peer.gateway_spi);
  EXPECT_EQ(sa.child_out.value(), t.peer.own_spi);
  EXPECT_EQ(sa.traffic.spi_in, sa.child_in);
  EXPECT_EQ(sa.traffic.packets_in, 2u);
  EXPECT_EQ(sa.traffic.packets_out, 2u);
  // IPv4 and ICMP headers, the data, two octets of trailer on a whole word, and SPI, number, IV,
  // ICV of AES-GCM.
  EXPECT_EQ(sa.traffic.octets_in, (132u + 32) + (232u + 32));
  EXPECT_EQ(sa.traffic.octets_out, sa.traffic.octets_in);
  EXPECT_EQ(sa.traffic.drops_in, 1u);
  EXPECT_EQ(sa.traffic.seen_ms, probe.gateway.now.ms);
}

TEST(ReportSas, TellsOfEachOnceInBoundedPieces) {
  GatewayProbe probe;
  std::multiset<std::uint64_t> expected;
  for (unsigned i = 0; i < 3 * kReportSas + 5; ++i) expected.insert(resumed(probe).client.spi_r);
  unsigned pieces = 0;
  const auto spis = list(probe, [&] { ++pieces; });
  EXPECT_EQ(std::multiset<std::uint64_t>(spis.begin(), spis.end()), expected);
  EXPECT_EQ(pieces, 4u);
  EXPECT_EQ(probe.complaint(), "");
}

TEST(ReportSas, TellsOfNoneTwiceWhileSasComeAndGo) {
  GatewayProbe probe;
  std::vector<std::uint64_t> spis;
  for (unsigned i = 0; i < 4 * kReportSas; ++i) spis.push_back(resumed(probe).client.spi_r);
  std::set<std::uint64_t> gone;
  std::size_t next = 0;
  const auto told = list(probe, [&] {
    // One that was told of and one that was not leave for the control thread; others come.
    for (const std::size_t at : {next, spis.size() - 1 - next}) {
      probe.order({.kind = OrderKind::recall, .spi_r = spis[at]});
      probe.gateway.run();
      gone.insert(spis[at]);
    }
    probe.take_punts();
    ++next;
    resumed(probe);
  });
  const std::set<std::uint64_t> once(told.begin(), told.end());
  EXPECT_EQ(once.size(), told.size());
  for (const std::uint64_t spi : spis) EXPECT_TRUE(gone.contains(spi) || once.contains(spi));
  EXPECT_FALSE(once.contains(spis.back())) << "it left before its turn";
}

// An empty stretch of the table costs no more than a full one.
TEST(ReportSas, LooksAtABoundedNumberOfSlots) {
  GatewayProbe probe;
  std::vector<Octets> messages;
  for (unsigned i = 0; i < 2500; ++i) messages.push_back(probe.client().begin());
  probe.send_all(messages);
  ASSERT_EQ(probe.half_opens(), 2500u);
  const std::uint64_t spi = resumed(probe).client.spi_r;
  const auto first = ask(probe, {.number = 1});
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->sas_count, 0u);
  EXPECT_EQ(first->next, 2048u);
  const auto second = ask(probe, {.number = 2, .from = first->next});
  ASSERT_EQ(second->sas_count, 1u);
  EXPECT_EQ(second->sas[0].spi_r.value(), spi);
  EXPECT_EQ(second->next, kReportEnd);
  EXPECT_EQ(ask(probe, {.number = 3, .from = 1u << 30})->next, kReportEnd);
}

TEST(ReportSas, AnswersOneQuestionInABurst) {
  GatewayProbe probe;
  resumed(probe);
  for (const std::uint64_t number : {1u, 2u})
    probe.question(OrderKind::report_sas, {.number = number});
  probe.gateway.worker().run_once(probe.gateway.now);
  EXPECT_EQ(probe.take_report()->number, 1u);
  EXPECT_EQ(probe.take_report(), nullptr);
  probe.gateway.worker().run_once(probe.gateway.now);
  EXPECT_EQ(probe.take_report()->number, 2u);
}

TEST(ReportSas, TellsOfOneThatIsAskedFor) {
  GatewayProbe probe({.workers = 2});
  resumed(probe);
  const Resumed made = resumed(probe);
  const Question question{.spi_r = ike::IkeSpi(made.client.spi_r)};
  const auto report = ask(probe, question);
  ASSERT_EQ(report->sas_count, 1u);
  EXPECT_EQ(report->sas[0].spi_r, question.spi_r);
  EXPECT_EQ(report->next, kReportEnd);
  EXPECT_EQ(ask(probe, question, OrderKind::report_sas, 1)->sas_count, 0u) << "another's";
  probe.order({.kind = OrderKind::recall, .spi_r = made.client.spi_r});
  EXPECT_EQ(ask(probe, question)->sas_count, 0u) << "the control thread's";
}

TEST(ReportSas, CountsWhatChildSasHaveCarried) {
  EspProbe probe({.workers = 2});
  Tunnel first = probe.tunnel(), second = probe.tunnel();
  ASSERT_EQ(probe.echo_complaint(second), "");
  Question question{.children_count = 3};
  question.children = {ike::EspSpi(first.peer.gateway_spi), ike::EspSpi(0xffffffff),
                       ike::EspSpi(second.peer.gateway_spi)};
  const auto report = ask(probe, question, OrderKind::report_children);
  EXPECT_EQ(report->sas_count, 0u);
  ASSERT_EQ(report->children_count, 2u);
  EXPECT_EQ(report->children[0].spi_in.value(), first.peer.gateway_spi);
  EXPECT_EQ(report->children[0].packets_in, 0u);
  EXPECT_EQ(report->children[1].packets_in, 1u);
  EXPECT_EQ(report->children[1].packets_out, 1u);
  EXPECT_EQ(ask(probe, question, OrderKind::report_children, 1)->children_count, 0u);
}

TEST(ReportSas, IsSilentWhenARingIsFull) {
  GatewayProbe probe;
  resumed(probe);
  probe.fill_punts();
  EXPECT_EQ(ask(probe, {.number = 1}), nullptr);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::punts_dropped), 1u);
  for (const std::uint64_t number : {1u, 2u, 3u})
    probe.question(OrderKind::report_sas, {.number = number});
  for (unsigned burst = 0; burst < 3; ++burst) probe.gateway.run();
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::punts_dropped), 2u);
  EXPECT_EQ(probe.take_punts().size(), 2u) << "a letter for each report";
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
