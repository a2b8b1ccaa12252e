// Building, crashing and feeding a data plane in one process.
#include "tests/support/gateway_rig.h"

#include <stdlib.h>

#include <filesystem>

#include "crypto/base/error.h"
#include "dataplane/eal.h"
#include "ike/proposal.h"
#include "ike/ticket.h"

namespace rig {
namespace {

constexpr std::uint32_t kConnection = 0x5eed;

std::vector<ike::Suite> every_ike_suite() {
  const auto all = ike::default_ike_suites();
  return {all.begin(), all.end()};
}

std::string make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "resurge-rig-XXXXXX").string();
  CHECK(mkdtemp(name.data()) != nullptr);
  return name;
}

// Counts up: stage accounting in tests needs order, not time.
std::uint64_t count_cycles() {
  static std::uint64_t cycles = 0;
  return ++cycles;
}

}  // namespace

dp::WorkerConfig default_config(unsigned workers, std::uint32_t sessions_max) {
  dp::WorkerConfig config;
  config.worker_count = workers;
  config.sessions_max = sessions_max;
  config.outside.ip4 = {{192, 0, 2, 1}};
  config.outside.ip6 = {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  config.children_max = 256;
  config.inside.ip4 = {{10, 0, 0, 1}};
  config.inside.ip6 = {{0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  config.admission.half_open_max = std::min(sessions_max, 8192u);
  const auto esp = ike::default_esp_suites();
  config.child.esp_suites.assign(esp.begin(), esp.end());
  const std::uint8_t zero[16] = {};
  config.child.local_ts.items[0] =
      ike::selector_of(ike::TsType::ipv4_addr_range, crypto::Bytes(zero, 4), 0);
  config.child.local_ts.items[1] =
      ike::selector_of(ike::TsType::ipv6_addr_range, crypto::Bytes(zero, 16), 0);
  config.child.local_ts.count = 2;
  config.child.dns4 = {{10, 0, 0, 53}};
  config.child.pool4 = {{10, 64, 0, 0}, 1u << 20};
  config.child.pool6 = {{0xfd}, 1u << 20};
  config.connections = {{.id = kConnection, .name = "default", .ike_suites = every_ike_suite()}};
  return config;
}

dp::Link default_link() {
  const dp::WorkerConfig config = default_config(1, 1);
  dp::Link link;
  link.mac = {0x02, 0, 0, 0, 0, 0x01};
  link.ip4 = config.outside.ip4;
  link.ip6 = config.outside.ip6;
  return link;
}

GatewayRig::GatewayRig(const Options& options)
    : options_(options),
      folder_(make_folder()),
      keyring_(crypto::Keyring::create(now.unix_s)),
      engine_(crypto::make_mb_engine()) {
  CHECK(engine_ != nullptr);
  start();
  crypto::Random random(options_.seed + 77);
  mint_issuer_ = ike::IssuerId(random.u64());
  CHECK(used_->create(mint_issuer_, dp::kIssuerCapacity, now.unix_s + 7 * 86400).has_value());
}

GatewayRig::~GatewayRig() {
  workers_.clear();
  shared_.reset();
  used_.reset();
  std::filesystem::remove_all(folder_);
}

void GatewayRig::start() {
  dp::WorkerConfig config = default_config(options_.workers, options_.sessions_max);
  config.state_dir = folder_ + "/used";
  if (options_.one_port) config.inside.vlan = 7;
  if (options_.configure) options_.configure(config);
  auto used = dp::UsedSet::open(config.state_dir, now.unix_s);
  CHECK(used.has_value());
  used_ = std::move(*used);
  shared_ = std::make_unique<dp::SharedState>(config);
  shared_->used = used_.get();
  shared_->qcd_secret = {0x9c, 0xd5};  // as if it were kept in a file
  publish_keyring();
  ++starts_;
  crypto::Random ids(options_.seed + 1000 * starts_);
  for (unsigned i = 0; i < options_.workers; ++i) {
    auto issuer = used_->create(ike::IssuerId(ids.u64()), dp::kIssuerCapacity,
                                now.unix_s + config.tickets.lifetime_s);
    CHECK(issuer.has_value());
    shared_->issuers[i].ready.store(*issuer);
    ports_.push_back(std::make_unique<dp::FakePort>(options_.port_buffers));
  }
  std::vector<dp::FakePort*> connected;
  for (auto& port : ports_) connected.push_back(port.get());
  dp::FakePort::connect(connected);
  if (options_.inside) connect_inside();
  dp::Link link = default_link();
  if (options_.link) options_.link(link);
  for (unsigned i = 0; i < options_.workers; ++i) {
    const bool with_inside = options_.inside || options_.one_port;
    dp::InsidePort inside{.port = &this->inside(i),
                          .link = dp::link_of(config.inside, {0x02, 0, 0, 0, 0, 0x02})};
    if (options_.one_port) inside.link.mac = link.mac;
    auto worker = dp::Worker::make(
        i, *shared_, options_.engine ? options_.engine() : crypto::make_mb_engine(), *ports_[i],
        link, std::make_unique<crypto::Random>(options_.seed + 10 * starts_ + i),
        options_.cycles != nullptr ? options_.cycles : &count_cycles,
        with_inside ? &inside : nullptr);
    CHECK(worker.has_value());
    workers_.push_back(std::move(*worker));
  }
}

void GatewayRig::connect_inside() {
  std::vector<dp::FakePort*> connected;
  for (unsigned i = 0; i < options_.workers; ++i) {
    inside_.push_back(std::make_unique<dp::FakePort>(options_.port_buffers));
    dp::FakePort::join(*ports_[i], *inside_[i]);
    connected.push_back(inside_[i].get());
  }
  dp::FakePort::connect(connected);
}

void GatewayRig::restart() {
  workers_.clear();
  ports_.clear();
  inside_.clear();
  shared_.reset();
  used_.reset();
  start();
}

void GatewayRig::run() {
  bool busy = true;
  while (busy) {
    busy = false;
    for (auto& worker : workers_) busy = worker->run_once(now) != 0 || busy;
  }
}

void GatewayRig::publish_keyring() {
  shared_->keyring.publish(std::make_unique<crypto::KeyringSnapshot>(keyring_.snapshot()));
}

void GatewayRig::publish_denied(dp::DenyList denied) {
  shared_->denied.publish(std::make_unique<dp::DenyList>(std::move(denied)));
}

void GatewayRig::serve_requests() {
  for (ike::IssuerId id = shared_->issuer_requests.take(); id.value() != 0;
       id = shared_->issuer_requests.take())
    CHECK(used_->create(id, dp::kIssuerCapacity, now.unix_s + 86400).has_value());
}

storm::TicketBag GatewayRig::mint(const MintOptions& options) {
  const std::string path = folder_ + "/bag" + std::to_string(mint_serial_);
  auto writer = storm::TicketBagWriter::create(path);
  CHECK(writer.has_value());
  crypto::Random random(options_.seed + mint_serial_);
  std::uint8_t ticket[ike::kTicketLenMax];
  for (std::uint32_t i = 0; i < options.clients; ++i) {
    std::uint8_t sk_d[crypto::kPrfLenMax];
    random.fill(sk_d);
    std::vector<std::uint8_t> id_i(options.id_len, 'c');
    std::vector<std::uint8_t> id_r(options.id_len, 'g');
    for (auto* id : {&id_i, &id_r}) {
      (*id)[0] = 2;  // FQDN
      (*id)[1] = (*id)[2] = (*id)[3] = 0;
    }
    crypto::store_be32(id_i.data() + options.id_len - 4, i);
    ike::TicketState state;
    state.expires_s = now.unix_s + options.lifetime_s;
    state.full_auth_s = now.unix_s - 60;
    state.connection = kConnection;
    state.policy_generation = 1;
    state.spi_i = ike::IkeSpi(random.u64() | 1);
    state.spi_r = ike::IkeSpi(random.u64() | 1);
    state.suite = options.suites[i % options.suites.size()];
    state.flags.has_ip4 = options.lease4;
    state.flags.has_ip6 = options.lease6;
    const dp::AddressPool4& pool4 = shared_->config.child.pool4;
    if (options.lease4)
      crypto::store_be32(state.ip4.data(), crypto::load_be32(pool4.base.data()) + i);
    state.ip6 = shared_->config.child.pool6.base;
    crypto::store_be32(state.ip6.data() + 12, i);
    state.sk_d = {sk_d, ike::prf_len(state.suite)};
    state.id_i = id_i;
    state.id_r = id_r;
    const std::size_t len = ike::seal_ticket(*engine_, keyring_.current(), mint_issuer_,
                                             ike::TicketSerial(mint_serial_++), state, ticket);
    CHECK(len != 0);
    const storm::Credential credential{.suite = state.suite,
                                       .spi_i = state.spi_i,
                                       .spi_r = state.spi_r,
                                       .expires_s = state.expires_s,
                                       .has_ip4 = options.lease4,
                                       .has_ip6 = options.lease6,
                                       .ip4 = state.ip4,
                                       .ip6 = state.ip6,
                                       .sk_d = state.sk_d,
                                       .id_i = id_i,
                                       .id_r = id_r,
                                       .ticket = {ticket, len}};
    CHECK(writer->add(credential).has_value());
  }
  CHECK(writer->commit(now.unix_s).has_value());
  auto bag = storm::TicketBag::open(path);
  CHECK(bag.has_value());
  return std::move(*bag);
}

std::uint64_t GatewayRig::drops(dp::Drop why) const {
  std::uint64_t total = 0;
  for (const auto& worker : workers_)
    total += worker->counters().drops[static_cast<std::size_t>(why)].get();
  return total;
}

std::uint64_t GatewayRig::sum(dp::Counter dp::WorkerCounters::* counter) const {
  std::uint64_t total = 0;
  for (const auto& worker : workers_) total += (worker->counters().*counter).get();
  return total;
}

bool GatewayRig::conserved() const {
  for (const auto& port : ports_)
    if (port->held() != 0) return false;
  for (const auto& port : inside_)
    if (port->held() != 0) return false;
  return true;
}

}  // namespace rig
