// Options of resurge-storm: the command line, read and checked. `resurge-storm --help` is the
// manual.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ike/auth_value.h"
#include "tools/storm/client_paths.h"
#include "tools/storm/framing.h"
#include "tools/storm/impairments.h"
#include "tools/storm/initiator.h"

namespace storm {

// Clients that make sessions by full handshakes.
struct ConnectOptions {
  std::uint32_t clients = 0;  // 0 = none
  std::uint32_t rate = 0;     // 0 = as fast as the window allows
  std::uint32_t window = 0;
  std::vector<ike::Suite> proposal;  // never empty
  std::string identity = "client-%07u@storm.example";
  std::string psk_file;
  std::string gateway_id;  // IDr body asked for; empty = any
  std::uint32_t reuse_ke = 1;
};

struct FloodOptions {
  std::uint32_t rate = 0;  // 0 = no flood
  std::uint32_t sources = 1'000'000;
  Prefix source;
};

// What goes through the tunnels of clients that are up.
struct EspOptions {
  bool echo = true;  // a client is back when an echo request of its came back; false: no ESP at all
  std::optional<ike::Ip4> target4;  // where the requests go
  std::optional<ike::Ip6> target6;
  std::uint32_t rate = 0;      // packets a second of steady traffic; 0 = none
  std::uint32_t sessions = 0;  // that carry it; 0 = all
  std::uint32_t size = 84;     // octets of an inner packet of it
  double seconds = 0;          // it goes on for after the storm
};

// At least one of `tickets` and `connect` says something.
struct Options {
  ConnectOptions connect;
  FloodOptions flood;
  EspOptions esp;
  std::string tickets;
  std::uint32_t clients = 0;  // 0 = all of the bag
  std::uint32_t rate = 0;     // 0 = as fast as the window allows
  std::uint32_t window = 0;   // 0 = by rate

  std::string device;
  std::vector<std::string> eal;
  unsigned cpu = 0;
  bool cpu_given = false;
  std::uint16_t mtu = 1500, vlan = 0, descriptors = 1024;
  PathConfig path;
  std::optional<dp::Mac> gateway_mac;

  ike::AuthForm auth_form = ike::AuthForm::rfc;
  ike::Suite child_suite;
  bool nat_detection = false, fragmentation = false, ticket_request = true, dpd = false;
  bool openssl = false;  // the engine
  RetryPolicy retry;
  ImpairmentRates impairments;  // of each direction
  std::uint64_t seed = 1;
  double timeout_s = 120, link_timeout_s = 30;

  std::string json, csv, report, pcap, save_tickets;
  bool quiet = false;
  std::string line;  // as given, for reports
};

// What to do after reading the command line: run, or end with a status (0 after --help).
struct CommandLine {
  std::optional<Options> options;
  int status = 0;
};
// Writes help to standard output and complaints to standard error.
CommandLine read_command_line(int argc, char** argv);

}  // namespace storm
