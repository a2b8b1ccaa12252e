// What EAL is told besides the configuration's own arguments.
#include <gtest/gtest.h>

#include <algorithm>

#include "tools/gateway/eal_arguments.h"

namespace gateway {
namespace {

using Arguments = std::vector<std::string>;

cp::GatewayConfig config_for(const std::string& device) {
  cp::GatewayConfig config;
  config.workers.outside.device = device;
  return config;
}
const Machine kBig{.cpus = {0, 1, 2, 3}, .has_hugepages = true};
const Machine kSmall{.cpus = {5}, .has_hugepages = false};

TEST(EalArguments, FillInEverythingForAVirtualDevice) {
  EXPECT_EQ(eal_arguments(config_for("net_vhost0,iface=/x"), kSmall).value(),
            (Arguments{"--lcores=0@5,1@5", "--vdev=net_vhost0,iface=/x", "--no-pci", "--no-huge",
                       "--no-shconf", "-m", "512"}));
}

TEST(EalArguments, AllowJustTheCardForAPciDevice) {
  EXPECT_EQ(eal_arguments(config_for("0000:3b:00.0"), kBig).value(),
            (Arguments{"--lcores=0@0,1@1", "-a", "0000:3b:00.0", "--file-prefix=resurge"}));
}

TEST(EalArguments, NameBothDevices) {
  const auto of = [](const char* outside, const char* inside, Arguments own = {}) {
    cp::GatewayConfig config = config_for(outside);
    config.workers.inside.device = inside;
    own.insert(own.end(), {"-l", "0,1", "--in-memory", "-m", "9"});
    config.dpdk.eal = own;
    Arguments all = eal_arguments(config, kBig).value();
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(own.size()));
    return all;
  };
  EXPECT_EQ(of("net_tap0", "net_tap1,iface=x"),
            (Arguments{"--vdev=net_tap0", "--vdev=net_tap1,iface=x", "--no-pci"}));
  EXPECT_EQ(of("0000:3b:00.0", "0000:3b:00.1"),
            (Arguments{"-a", "0000:3b:00.0", "-a", "0000:3b:00.1"}));
  EXPECT_EQ(of("0000:3b:00.0", "net_tap0"), (Arguments{"-a", "0000:3b:00.0", "--vdev=net_tap0"}));
  EXPECT_EQ(of("0000:3b:00.0", "0000:3b:00.1", {"-a", "0000:3b:00.0"}), Arguments{})
      << "the operator says which";
}

TEST(EalArguments, PutEveryWorkerOnItsCpu) {
  cp::GatewayConfig config = config_for("0000:3b:00.0");
  config.workers.worker_count = 3;
  EXPECT_EQ(eal_arguments(config, kBig)->front(), "--lcores=0@0,1@1,2@2,3@3");
  config.dpdk.main_cpu = 3;
  config.dpdk.worker_cpus = {2, 0, 1};
  EXPECT_EQ(eal_arguments(config, kBig)->front(), "--lcores=0@3,1@2,2@0,3@1");
  config.dpdk.worker_cpus.clear();
  config.workers.worker_count = 4;
  EXPECT_EQ(eal_arguments(config, kBig)->front(), "--lcores=0@0,1@0,2@1,3@2,4@3");
}

TEST(EalArguments, NameACpuThatIsNotThere) {
  cp::GatewayConfig config = config_for("net_null0");
  config.dpdk.worker_cpus = {4};
  EXPECT_EQ(eal_arguments(config, kBig).error().text,
            "there is no CPU 4 to run on, only 0, 1, 2, 3: change [dpdk] main_cpu or worker_cpus, "
            "or the affinity that this process was started with");
  config.dpdk.worker_cpus = {3};
  config.dpdk.main_cpu = 99;
  EXPECT_FALSE(eal_arguments(config, kBig));
  config.dpdk.eal = {"-l", "0,1"};
  EXPECT_TRUE(eal_arguments(config, kBig)) << "our CPUs do not count then";
}

TEST(EalArguments, LeaveAloneWhatTheConfigurationSays) {
  cp::GatewayConfig config = config_for("net_null0");
  for (const Arguments& own :
       {Arguments{"-l", "0,1", "--vdev=net_null0", "--no-pci", "--in-memory", "-m", "64"},
        Arguments{"-l0,1", "--vdev", "net_null0,copy=1", "--no-pci", "--no-huge",
                  "--file-prefix=a"},
        Arguments{"--lcores=0,1", "--vdev=net_null0", "-a", "0000:01:00.0", "--socket-mem=64",
                  "--file-prefix", "a"}}) {
    config.dpdk.eal = own;
    EXPECT_EQ(eal_arguments(config, kSmall).value(), own);
  }
}

TEST(EalArguments, TakeHugepagesAsConfigured) {
  const auto has = [](const cp::GatewayConfig& config, const Machine& machine) {
    const auto arguments = eal_arguments(config, machine);
    return arguments && std::ranges::find(*arguments, "--no-huge") == arguments->end();
  };
  cp::GatewayConfig config = config_for("net_null0");
  EXPECT_TRUE(has(config, kBig));
  config.dpdk.hugepages = cp::Hugepages::never;
  EXPECT_FALSE(has(config, kBig));
  config.dpdk.hugepages = cp::Hugepages::always;
  EXPECT_TRUE(has(config, kBig));
  const auto refused = eal_arguments(config, kSmall);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text,
            "there are no free hugepages: reserve some with `dpdk-hugepages.py --setup 1G`, or set "
            "[dpdk] hugepages = \"never\"");
}

TEST(EalArguments, MachineHasACpu) { EXPECT_FALSE(look_at_machine().cpus.empty()); }

}  // namespace
}  // namespace gateway
