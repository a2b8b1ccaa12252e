// Pump: carries messages of crowds and packets of their tunnels between clients and a port, through
// a bad network if one is asked for.
//
// One turn receives a burst, hands what came to the crowds and tunnels that it is for, and sends
// what each of them has to send, tunnels first, and its share of a flood if there is one. The
// gateway's MAC is asked for before the first message, and again when nothing has come for a while:
// a gateway that was restarted may have another. One thread.
#pragma once

#include <array>
#include <vector>

#include "dataplane/api/counters.h"
#include "dataplane/lanes.h"
#include "dataplane/packet_port.h"
#include "tools/storm/crowd.h"
#include "tools/storm/flood.h"
#include "tools/storm/framing.h"
#include "tools/storm/impairments.h"
#include "tools/storm/pcap_writer.h"
#include "tools/storm/tunnels.h"

namespace storm {

struct PumpConfig {
  ImpairmentRates there, back;     // to the gateway, from it
  std::uint64_t seed = 1;          // of the impairments
  bool ask_again = true;           // false: the gateway's MAC was given and is not asked for
  std::uint64_t unix_ns_at_0 = 0;  // wall-clock time when now_ns is 0, for the pcap file
};

// Who is at the clients' end. Crowds have no client's number in common, and tunnels have those of
// their crowd. All outlive the pump; `flood` may be null.
struct PumpEnds {
  std::vector<Crowd*> crowds;
  std::vector<Tunnels*> tunnels = {};
  Flood* flood = nullptr;
};

// Any thread may read.
struct PumpCounters {
  dp::Counter frames_in, frames_out;
  dp::Counter misaddressed;     // answers for a client at another client's address or port
  dp::Counter wrong_checksum;   // frames dropped for it
  dp::Counter other;            // frames that are nothing of ours
  dp::Counter asked, answered;  // ARP and neighbour discovery
  dp::Counter unsendable;       // no buffer, or larger than the MTU; retransmission repeats it
  dp::Counter ring_full;        // frames that the port did not take
  dp::Counter lost, duplicated, reordered;  // on purpose, both directions
  dp::Counter flooded;                      // frames of the flood
};

class Pump {
 public:
  static constexpr std::uint64_t kAskEveryNs = 250'000'000;

  // `pcap` may be null.
  Pump(dp::PacketPort& port, Framing& framing, PumpEnds ends, const PumpConfig& config,
       PcapWriter* pcap = nullptr);

  // Returns how many frames came or went.
  unsigned turn(std::uint64_t now_ns);
  const PumpCounters& counters() const { return counters_; }

 private:
  unsigned take(std::uint64_t now_ns);
  void hand_over(std::span<const crypto::Bytes> messages, std::span<const crypto::Bytes> packets,
                 std::uint64_t now_ns);
  void sort(std::span<const crypto::Bytes> messages, std::uint64_t now_ns);
  void sort_esp(std::span<const crypto::Bytes> packets, std::uint64_t now_ns);
  unsigned send(std::span<const Outgoing> due, std::uint64_t now_ns);
  void ask(std::uint64_t now_ns);
  unsigned give(std::span<const Outgoing> out, const ClientPaths& paths, std::uint64_t now_ns);
  void impair(std::span<const Outgoing> out, std::uint64_t now_ns);
  unsigned give_impaired(std::uint64_t now_ns);
  void transmit(std::span<const dp::Frame> frames, std::uint64_t now_ns);
  void record(const dp::Frame& frame, std::uint64_t now_ns);

  dp::PacketPort& port_;
  Framing& framing_;
  const PumpEnds ends_;
  PumpConfig config_;
  PcapWriter* pcap_;
  Impairments there_, back_, esp_back_;
  PumpCounters counters_;
  std::vector<std::uint8_t> octets_;
  std::uint64_t asked_ns_ = 0;
  std::uint64_t heard_ns_ = 0;
};

}  // namespace storm
