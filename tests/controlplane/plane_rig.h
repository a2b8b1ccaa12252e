// PlaneRig: a control plane with real rings, leases and used-sets, a clock that the test holds, and
// no workers: the test puts letters of two workers in and reads the orders.
#pragma once

#include <spdlog/sinks/ostream_sink.h>

#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "controlplane/control_plane.h"
#include "tests/controlplane/fake_workers.h"

namespace cp {

inline constexpr std::uint64_t kRigStartS = 1'760'000'000;

// The way of a client at 198.51.100.7 to our 192.0.2.1.
dp::PeerPath rig_path(std::uint16_t peer_port = 500, std::uint8_t last_octet = 7);

class PlaneRig {
 public:
  // `connections` is TOML: the sections [connections...] and [secrets...].
  explicit PlaneRig(const std::string& connections, const std::string& other = "",
                    std::unique_ptr<RadiusClient> radius = nullptr);

  // What a reload does with other connections.
  void reload(const std::string& connections);

  void deliver(const Octets& message, const dp::PeerPath& path, unsigned worker = 0);
  void deliver(const dp::Punt& punt, unsigned worker = 0);
  // Serves everything that waits. What it wants sent is appended to `sent`, other orders to
  // `orders`.
  void serve();
  void pass_ms(std::uint64_t ms) { now_.ms += ms, now_.unix_s += ms / 1000; }
  // deliver() and serve(), and the messages that came of it.
  std::vector<Octets> exchange(const Octets& message, const dp::PeerPath& path,
                               unsigned worker = 0);

  struct Sent {
    Octets message;
    dp::PeerPath path;
    unsigned worker;
  };
  std::vector<Sent> sent;
  struct Told {
    dp::OrderKind kind;
    ike::IkeSpi spi_r;
    ike::EspSpi child_in, child_out;
    dp::PeerPath path;
    Octets keymat;
    bool we_initiated;
    unsigned worker;
  };
  std::vector<Told> orders;

  // Questions to workers about their SAs, and how workers answer them; null: they are silent.
  struct Asked {
    dp::OrderKind kind;
    dp::Question question;
    unsigned worker;
  };
  std::vector<Asked> asked;
  std::function<void(const Asked&, dp::Report&)> tell;

  FakeWorkers& workers() { return workers_; }
  ControlPlane& plane() { return *plane_; }
  const PlaneCounters& counters() const { return plane_->counters(); }
  SaTable& sas() { return plane_->sas(); }
  IkeSa* sa(ike::IkeSpi spi) { return plane_->sas().find(spi); }
  TicketKeys& keys() { return *keys_; }
  const GatewayConfig& config() const { return config_; }
  spdlog::logger& log() { return *log_; }
  const Time& now() const { return now_; }
  std::string log_text() const { return text_.str(); }

 private:
  bool take_orders(unsigned worker);  // whether there is a report
  GatewayConfig read(const std::string& connections) const;

  ScratchFolder folder_;
  std::string other_;
  GatewayConfig config_;
  FakeWorkers workers_{2, kRigStartS};
  std::unique_ptr<TicketKeys> keys_;
  crypto::Random random_{4711};
  std::ostringstream text_;
  std::unique_ptr<spdlog::logger> log_;
  std::unique_ptr<ControlPlane> plane_;
  Time now_{.ms = 1'000'000, .unix_s = kRigStartS};
};

}  // namespace cp
