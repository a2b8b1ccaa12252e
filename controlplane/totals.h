// Totals: the counters of workers as plain numbers at one moment, by name.
//
// One table names every counter; log lines, the stats file and the documentation are made from it.
// Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "controlplane/workers.h"
#include "dataplane/api/counters.h"

namespace cp {

struct CounterRow {
  std::string_view name;
  dp::Counter dp::WorkerCounters::* counter;
  bool is_gauge;
  std::string_view meaning;
};

inline constexpr std::array kCounterRows = {
    CounterRow{"rx_packets", &dp::WorkerCounters::rx_packets, false, "frames received"},
    CounterRow{"tx_packets", &dp::WorkerCounters::tx_packets, false, "frames sent"},
    CounterRow{"rx_octets", &dp::WorkerCounters::rx_octets, false, "octets received"},
    CounterRow{"tx_octets", &dp::WorkerCounters::tx_octets, false, "octets sent"},
    CounterRow{"resumptions", &dp::WorkerCounters::resumptions, false,
               "sessions established: message 4 sent for the first time"},
    CounterRow{"half_opens_opened", &dp::WorkerCounters::half_opens_opened, false,
               "message 2 sent for the first time"},
    CounterRow{"nacks", &dp::WorkerCounters::nacks, false, "tickets refused with TICKET_NACK"},
    CounterRow{"cookies_sent", &dp::WorkerCounters::cookies_sent, false, "COOKIE challenges sent"},
    CounterRow{"auth_failures", &dp::WorkerCounters::auth_failures, false,
               "AUTHENTICATION_FAILED sent"},
    CounterRow{"dpd_answers", &dp::WorkerCounters::dpd_answers, false,
               "empty INFORMATIONAL requests answered"},
    CounterRow{"retransmitted_m2", &dp::WorkerCounters::retransmitted_m2, false,
               "message 2 sent again to a retransmission"},
    CounterRow{"retransmitted_m4", &dp::WorkerCounters::retransmitted_m4, false,
               "message 4 sent again to a retransmission"},
    CounterRow{"handed_over", &dp::WorkerCounters::handed_over, false,
               "packets passed to the owning worker"},
    CounterRow{"child_failures", &dp::WorkerCounters::child_failures, false,
               "IKE SA established, Child SA refused"},
    CounterRow{"libreswan_form", &dp::WorkerCounters::libreswan_form, false,
               "AUTH accepted in libreswan's form"},
    CounterRow{"link_answers", &dp::WorkerCounters::link_answers, false,
               "ARP, neighbour discovery and echo answered"},
    CounterRow{"punts", &dp::WorkerCounters::punts, false, "letters to the control thread"},
    CounterRow{"punts_dropped", &dp::WorkerCounters::punts_dropped, false,
               "letters that found the ring to the control thread full"},
    CounterRow{"adopted", &dp::WorkerCounters::adopted, false,
               "resumed sessions handed to the control thread"},
    CounterRow{"recalled", &dp::WorkerCounters::recalled, false,
               "of these, handed over because the control thread asked for them"},
    CounterRow{"sa_init_punts", &dp::WorkerCounters::sa_init_punts, false,
               "IKE_SA_INIT requests let through to the control thread"},
    CounterRow{"sa_init_challenges", &dp::WorkerCounters::sa_init_challenges, false,
               "IKE_SA_INIT requests answered with a COOKIE challenge"},
    CounterRow{"crash_answers", &dp::WorkerCounters::crash_answers, false,
               "requests of unknown IKE SAs answered with INVALID_IKE_SPI and a QCD token"},
    CounterRow{"orders", &dp::WorkerCounters::orders, false,
               "letters of the control thread that workers obeyed"},
    CounterRow{"transmitted", &dp::WorkerCounters::transmitted, false,
               "IKE messages sent for the control thread"},
    CounterRow{"esp_in", &dp::WorkerCounters::esp_in, false,
               "inner packets received through Child SAs"},
    CounterRow{"esp_out", &dp::WorkerCounters::esp_out, false,
               "inner packets sent through Child SAs"},
    CounterRow{"esp_in_octets", &dp::WorkerCounters::esp_in_octets, false,
               "octets of inner packets received"},
    CounterRow{"esp_out_octets", &dp::WorkerCounters::esp_out_octets, false,
               "octets of inner packets sent"},
    CounterRow{"inner_echoes", &dp::WorkerCounters::inner_echoes, false,
               "echo requests to our inside addresses answered"},
    CounterRow{"forwarded", &dp::WorkerCounters::forwarded, false,
               "inner packets that left by the other port"},
    CounterRow{"senders_told", &dp::WorkerCounters::senders_told, false,
               "ICMP errors sent about packets too long for their way, or out of hops"},
    CounterRow{"peers_moved", &dp::WorkerCounters::peers_moved, false,
               "NAT rebindings followed after an authentic ESP packet"},
    CounterRow{"children_refused", &dp::WorkerCounters::children_refused, false,
               "Child SAs whose selectors found no room"},
    CounterRow{"sessions", &dp::WorkerCounters::sessions, true, "sessions established now"},
    CounterRow{"half_opens", &dp::WorkerCounters::half_opens, true, "half-open sessions now"},
    CounterRow{"children", &dp::WorkerCounters::children, true, "Child SAs now"},
    CounterRow{"cookie_mode", &dp::WorkerCounters::cookie_mode, true,
               "workers that demand cookies now"},
    CounterRow{"bursts", &dp::WorkerCounters::bursts, false, "bursts that had packets"},
    CounterRow{"idle_bursts", &dp::WorkerCounters::idle_bursts, false, "polls without a packet"},
    CounterRow{"busy_cycles", &dp::WorkerCounters::busy_cycles, false,
               "TSC cycles spent on bursts that had packets, and on orders"},
};
inline constexpr std::size_t kCounterCount = kCounterRows.size();

struct Totals {
  std::array<std::uint64_t, kCounterCount> counters{};
  std::array<std::uint64_t, dp::kStageCount> stage_cycles{};
  std::array<std::uint64_t, dp::kDropCount> drops{};

  std::uint64_t operator[](std::string_view name) const;  // a name of kCounterRows
  Totals& operator+=(const Totals& other);
  // What was counted since `earlier`; gauges stay as they are.
  Totals since(const Totals& earlier) const;
  // TSC cycles of workers for one established session, everything else they did included; 0 before
  // the first.
  double cycles_per_resumption() const;
};

Totals totals_of(const dp::WorkerCounters& counters);
Totals totals_of(const Workers& workers);  // the sum over workers

}  // namespace cp
