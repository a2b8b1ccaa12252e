// Letters in, orders out.
#include "tests/controlplane/plane_rig.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cp {

dp::PeerPath rig_path(std::uint16_t peer_port, std::uint8_t last_octet) {
  dp::PeerPath path;
  path.peer_mac = {2, 0, 0, 0, 0, 7};
  path.local = {192, 0, 2, 1};
  path.peer = {198, 51, 100, last_octet};
  path.peer_port = peer_port;
  path.non_esp_marker = peer_port != 500;
  path.local_port = path.non_esp_marker ? 4500 : 500;
  return path;
}

GatewayConfig PlaneRig::read(const std::string& connections) const {
  const std::string text =
      "[outside]\ndevice = 'd'\naddresses = '192.0.2.1'\n[tickets]\nkeyring = 'k'\n"
      "state_dir = 's'\n[pools]\nipv4 = '10.1.0.0/16'\n" +
      other_ + connections;
  auto config = parse_config(text);
  if (!config)
    for (const ConfigError& error : config.error()) ADD_FAILURE() << error_line("rig", error);
  CHECK(config);
  return std::move(*config);
}

void PlaneRig::reload(const std::string& connections) {
  plane_->replace_policy(Credentials::load(read(connections)).value());
}

PlaneRig::PlaneRig(const std::string& connections, const std::string& other,
                   std::unique_ptr<RadiusClient> radius)
    : other_(other), config_(read(connections)) {
  const std::string keyring = folder_.file("keyring");
  CHECK(crypto::Keyring::create(kRigStartS).save(keyring));
  keys_ = std::make_unique<TicketKeys>(
      TicketKeys::load({.path = keyring, .rotate_every_s = 0, .accept_s = 7200}).value());
  log_ = std::make_unique<spdlog::logger>("rig",
                                          std::make_shared<spdlog::sinks::ostream_sink_st>(text_));
  log_->set_level(spdlog::level::debug);
  auto policy = Credentials::load(config_);
  if (!policy) ADD_FAILURE() << policy.error().front();
  CHECK(policy);
  crypto::SecretBytes secret(32);
  random_.fill(secret.fill());
  plane_ = std::make_unique<ControlPlane>(ControlPlane::Parts{.policy = std::move(*policy),
                                                              .workers_config = config_.workers,
                                                              .workers = workers_,
                                                              .keys = *keys_,
                                                              .random = random_,
                                                              .engine = crypto::make_ossl_engine(),
                                                              .radius = std::move(radius),
                                                              .eap = {},
                                                              .qcd_secret = std::move(secret),
                                                              .log = *log_});
}

void PlaneRig::deliver(const Octets& message, const dp::PeerPath& path, unsigned worker) {
  dp::Punt* letter = workers_.punts(worker).claim();
  CHECK(letter != nullptr && message.size() <= letter->message.size());
  letter->kind = dp::PuntKind::message;
  letter->path = path;
  letter->message_len = static_cast<std::uint16_t>(message.size());
  std::ranges::copy(message, letter->message.begin());
  workers_.punts(worker).publish();
}

void PlaneRig::deliver(const dp::Punt& punt, unsigned worker) {
  dp::Punt* letter = workers_.punts(worker).claim();
  CHECK(letter != nullptr);
  *letter = punt;
  workers_.punts(worker).publish();
}

void PlaneRig::serve() {
  for (bool more = true; more;) {
    while (plane_->serve(now_)) continue;
    more = false;
    for (unsigned worker = 0; worker < workers_.worker_count(); ++worker)
      more = take_orders(worker) || more;
  }
}

bool PlaneRig::take_orders(unsigned worker) {
  bool told = false;
  while (dp::Order* letter = workers_.orders(worker).peek()) {
    if (letter->kind == dp::OrderKind::report_sas ||
        letter->kind == dp::OrderKind::report_children) {
      asked.push_back({letter->kind, letter->question, worker});
      if (tell) {
        workers_.report(worker, [&](dp::Report& report) {
          report.number = letter->question.number;
          tell(asked.back(), report);
        });
        told = true;
      }
    } else if (letter->kind == dp::OrderKind::transmit) {
      const crypto::Bytes octets = letter->message_octets();
      sent.push_back({Octets(octets.begin(), octets.end()), letter->path, worker});
    } else {
      // A worker ignores what is of another's places.
      if (letter->kind == dp::OrderKind::install_child)
        CHECK(workers_.worker_of(letter->child.spi_in) == worker);
      orders.push_back({letter->kind, letter->spi_r, letter->child.spi_in, letter->child.spi_out,
                        letter->path,
                        Octets(letter->child.keymat.begin(), letter->child.keymat.end()),
                        letter->child.we_initiated, worker});
    }
    dp::wipe(*letter);
    workers_.orders(worker).done();
  }
  return told;
}

std::vector<Octets> PlaneRig::exchange(const Octets& message, const dp::PeerPath& path,
                                       unsigned worker) {
  const std::size_t before = sent.size();
  deliver(message, path, worker);
  serve();
  std::vector<Octets> answers;
  for (std::size_t i = before; i < sent.size(); ++i) answers.push_back(sent[i].message);
  return answers;
}

}  // namespace cp
