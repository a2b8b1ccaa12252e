// Counters of one worker: written by that worker alone, readable by any thread while it runs.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/drop.h"

namespace dp {

// A number with one writer. Reading from another thread is defined and costs the writer nothing.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// The stages of Worker::run_once, in packet order; cycles are counted for each.
enum class Stage : std::uint8_t {
  serve_orders,
  receive,
  classify,
  reassemble,
  answer_link,
  find_sessions,
  derive_keys,
  open_auth,
  verify_auth,
  establish,
  answer_dpd,
  punt,
  answer_unknown,
  find_esp,
  open_esp,
  decapsulate,
  deliver,
  encapsulate,
  seal_esp,
  classify_inside,
  route_out,
  parse_resume,
  admit,
  open_tickets,
  accept_tickets,
  open_half_open,
  write_replies,
  admit_initiations,
  transmit,
  upkeep,
  count,
};
inline constexpr std::size_t kStageCount = static_cast<std::size_t>(Stage::count);
inline constexpr std::array<std::string_view, kStageCount> kStageNames = {
    "serve_orders",   "receive",        "classify",      "reassemble",
    "answer_link",    "find_sessions",  "derive_keys",   "open_auth",
    "verify_auth",    "establish",      "answer_dpd",    "punt",
    "answer_unknown", "find_esp",       "open_esp",      "decapsulate",
    "deliver",        "encapsulate",    "seal_esp",      "classify_inside",
    "route_out",      "parse_resume",   "admit",         "open_tickets",
    "accept_tickets", "open_half_open", "write_replies", "admit_initiations",
    "transmit",       "upkeep"};

struct alignas(64) WorkerCounters {
  Counter rx_packets, tx_packets, rx_octets, tx_octets;
  Counter resumptions;        // sessions established (message 4 sent for the first time)
  Counter half_opens_opened;  // message 2 sent for the first time
  Counter nacks, cookies_sent, auth_failures, dpd_answers;
  Counter retransmitted_m2, retransmitted_m4;  // cached answers sent again
  Counter handed_over;                         // packets passed to the owning worker
  Counter child_failures;                      // IKE SA up, Child SA refused
  Counter libreswan_form;                      // AUTH accepted in libreswan's form
  Counter link_answers;                        // ARP, ND, ICMP echo
  Counter punts, punts_dropped;                // letters to the control thread; ring full
  Counter adopted, recalled;                   // sessions handed to it; of these, at its wish
  Counter sa_init_punts, sa_init_challenges;   // IKE_SA_INIT: let through; COOKIE demanded
  Counter crash_answers;                       // INVALID_IKE_SPI with QCD token (RFC 6290)
  Counter orders, transmitted;                 // letters of the control thread; messages among them
  Counter esp_in, esp_out, esp_in_octets, esp_out_octets;  // inner packets through Child SAs
  Counter inner_echoes;                                    // echo requests to us inside
  Counter forwarded;                                       // packets that left by the other port
  Counter senders_told;  // ICMP errors about packets that went no further
  Counter peers_moved;                                     // NAT rebindings followed
  Counter children_refused;      // Child SAs whose selectors found no room
  Counter sessions, half_opens;  // gauges: live now
  Counter children;              // gauge: Child SAs
  Counter cookie_mode;           // gauge: 1 while cookies are demanded
  Counter bursts, idle_bursts;
  Counter busy_cycles;  // TSC cycles in bursts that had packets, and on orders
  std::array<Counter, kStageCount> stage_cycles;
  std::array<Counter, kDropCount> drops;
};

}  // namespace dp
