// What this worker tells of its SAs when the control thread asks: a bounded piece for each
// question.
#include "dataplane/punt.h"

namespace dp {
namespace {

// Entries of the directory that one question looks at: 32 KiB, read in order.
constexpr std::uint32_t kSlotsPerQuestion = 2048;
// Of a session record: what stands before its keys, and the identities behind those of most suites.
constexpr std::size_t kFetchOctets = 384;

void prefetch(std::uint32_t slot, WorkerParts& w) {
  const auto* head =
      static_cast<const std::uint8_t*>(static_cast<const void*>(&w.sessions.session(slot)));
  for (std::size_t at = 0; at < kFetchOctets; at += 64) __builtin_prefetch(head + at);
  w.esp.prefetch_out(slot);
}

ChildTraffic traffic_of(const EspSa& sa) {
  return {.spi_in = ike::EspSpi(sa.in.spi),
          .packets_in = sa.packets_in,
          .octets_in = sa.octets_in,
          .packets_out = sa.packets_out,
          .octets_out = sa.octets_out,
          .drops_in = sa.drops_in,
          .drops_out = sa.drops_out,
          .installed_ms = sa.installed_ms,
          .seen_ms = sa.seen_ms};
}

void tell_of(std::uint32_t slot, Report& report, WorkerParts& w) {
  ReportedSa& out = report.sas[report.sas_count++];
  describe(out, slot, w);
  out.path = last_path(w.sessions.session(slot));
  if (out.has_child) out.traffic = traffic_of(w.esp.at(slot));
}

void tell_of_one(ike::IkeSpi spi_r, Report& report, WorkerParts& w) {
  const SessionTable::Found found = w.sessions.find(w.codec.decode(spi_r));
  if (found.state == SlotState::established) tell_of(found.slot, report, w);
}

void tell_of_some(std::uint32_t from, Report& report, WorkerParts& w) {
  const std::uint32_t end = w.sessions.slots_touched();
  std::array<std::uint32_t, kReportSas> found;
  std::uint32_t count = 0, slot = from;
  for (; slot < end && slot - from < kSlotsPerQuestion && count < kReportSas; ++slot) {
    if (w.sessions.state(slot) != SlotState::established) continue;
    found[count++] = slot;
    prefetch(slot, w);
  }
  for (std::uint32_t i = 0; i < count; ++i) tell_of(found[i], report, w);
  report.next = slot < end ? slot : kReportEnd;
}

void tell_of_children(const Question& question, Report& report, WorkerParts& w) {
  const std::size_t count = std::min<std::size_t>(question.children_count, kReportChildren);
  for (const ike::EspSpi spi : std::span(question.children).first(count)) {
    const auto where = w.esp.spis().decode(spi);
    if (where.worker != w.index) continue;
    if (const EspSa* sa = w.esp.find(spi, where.place))
      report.children[report.children_count++] = traffic_of(*sa);
  }
}

}  // namespace

void report(const Order& order, WorkerParts& w) {
  Report* answer = w.seam.reports.claim();
  if (answer == nullptr) return w.counters.punts_dropped.add();
  if (claim_punt(PuntKind::reported, w) == nullptr) return;
  const Question& question = order.question;
  answer->number = question.number;
  answer->next = kReportEnd;
  answer->sas_count = answer->children_count = 0;
  if (order.kind == OrderKind::report_children)
    tell_of_children(question, *answer, w);
  else if (question.spi_r.value() != 0)
    tell_of_one(question.spi_r, *answer, w);
  else
    tell_of_some(question.from, *answer, w);
  w.seam.reports.publish();
  post_punt(w);
}

}  // namespace dp
