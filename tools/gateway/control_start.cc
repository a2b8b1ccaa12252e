// Makes the parts of the control plane.
#include "tools/gateway/control_start.h"

#include "controlplane/radius_client.h"
#include "controlplane/secret_file.h"

namespace gateway {
namespace {

constexpr std::size_t kQcdSecretLen = 32;

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(text.empty() ? "" : "\n").append(line);
  return text;
}

}  // namespace

crypto::Result<crypto::SecretBytes> load_qcd_secret(const cp::GatewayConfig& config) {
  return cp::load_or_make_secret(config.workers.state_dir + "/qcd.secret", kQcdSecretLen);
}

crypto::Result<std::unique_ptr<cp::ControlPlane>> start_control_plane(
    const cp::GatewayConfig& config, cp::Workers& workers, cp::TicketKeys& keys,
    crypto::Random& random, spdlog::logger& log) {
  auto policy = cp::Credentials::load(config);
  if (!policy) return crypto::fail(joined(policy.error()));
  auto secret = load_qcd_secret(config);
  if (!secret) return std::unexpected(secret.error());
  std::unique_ptr<cp::RadiusClient> radius;
  if (!config.radius.servers.empty()) {
    auto opened = cp::RadiusClient::open((*policy)->radius(), log);
    if (!opened) return std::unexpected(opened.error());
    radius = std::move(*opened);
  }
  auto engine = crypto::make_mb_engine();
  if (engine == nullptr) engine = crypto::make_ossl_engine();
  cp::EapSettings eap;
  eap.nas_identifier = config.radius.nas_identifier;
  if (!config.workers.outside.ip4.empty())
    eap.nas_address = config.workers.outside.ip4.front();
  else if (!config.workers.outside.ip6.empty())
    eap.nas_address = config.workers.outside.ip6.front();
  return std::make_unique<cp::ControlPlane>(
      cp::ControlPlane::Parts{.policy = std::move(*policy),
                              .workers_config = config.workers,
                              .workers = workers,
                              .keys = keys,
                              .random = random,
                              .engine = std::move(engine),
                              .radius = std::move(radius),
                              .eap = std::move(eap),
                              .retransmit = config.ike.retransmit,
                              .qcd_secret = std::move(*secret),
                              .log = log});
}

}  // namespace gateway
