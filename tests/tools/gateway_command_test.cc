// resurged as a program: --check, what it says when it cannot start, and a whole start and stop.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/controlplane/scratch_folder.h"
#include "tests/tools/command.h"

namespace tools {
namespace {

const std::string kProgram = RESURGED;
const std::string kKeys = RESURGE_KEYS;

class GatewayCommand : public testing::Test {
 protected:
  std::string write_config(const std::string& device, const std::string& more = "",
                           const std::string& eal = "'--no-telemetry'") const {
    return folder_.write("gw.toml", "[dpdk]\neal = [" + eal +
                                        "]\nhugepages = 'never'\nmemory_mib = 128\n"
                                        "[outside]\ndevice = '" +
                                        device +
                                        "'\naddresses = '192.0.2.1'\n"
                                        "[sessions]\nmax = 1024\n[admission]\nhalf_open_max = 512\n"
                                        "[tickets]\nkeyring = '" +
                                        folder_.file("keyring") + "'\nstate_dir = '" +
                                        folder_.file("state") +
                                        "'\n[pools]\nipv4 = '10.0.0.0/24'\n"
                                        "[connections.a]\n" +
                                        more);
  }
  void create_keyring() const {
    ASSERT_EQ(run_command(kKeys + " create " + folder_.file("keyring")).status, 0);
  }
  cp::ScratchFolder folder_;
};

// Some examples name secrets, keys and certificates, which nobody keeps in a repository.
TEST_F(GatewayCommand, ChecksEveryExample) {
  for (const auto& entry : std::filesystem::directory_iterator("docs/examples")) {
    const Outcome outcome = run_command(kProgram + " --check " + entry.path().string());
    if (outcome.status == 0) {
      EXPECT_TRUE(outcome.output.starts_with("device ")) << outcome.output;
      continue;
    }
    EXPECT_EQ(outcome.status, 1);
    std::istringstream lines(outcome.output);
    for (std::string line; std::getline(lines, line);)
      EXPECT_TRUE(line.ends_with(": No such file or directory")) << line;
  }
}

TEST_F(GatewayCommand, ChecksTheMinimumBesideItsSecret) {
  std::filesystem::copy("docs/examples/minimal.toml", folder_.file("gw.toml"));
  folder_.write("psk", "sesame\n");
  ASSERT_EQ(run_command("chmod 644 " + folder_.file("psk")).status, 0);
  const Outcome open = run_command(kProgram + " --check " + folder_.file("gw.toml"));
  EXPECT_EQ(open.status, 1);
  EXPECT_NE(open.output.find("secrets.ike-everybody.secret_file: "), std::string::npos);
  ASSERT_EQ(run_command("chmod 600 " + folder_.file("psk")).status, 0);
  const Outcome good = run_command(kProgram + " --check " + folder_.file("gw.toml"));
  EXPECT_EQ(good.status, 0) << good.output;
  EXPECT_NE(good.output.find("remote     psk of everybody"), std::string::npos) << good.output;
  EXPECT_EQ((open.output + good.output).find("sesame"), std::string::npos);
}

TEST_F(GatewayCommand, NamesEveryMistakeOfAConfiguration) {
  const std::string path = folder_.write("bad.toml", "[outside]\ndevice = 1\nmtu = 1\n");
  const Outcome outcome = run_command(kProgram + " --check " + path);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.output.find(path + ":2:10: outside.device: expected a text\n"),
            std::string::npos);
  EXPECT_NE(outcome.output.find(path + ":3:7: outside.mtu: "), std::string::npos);
}

TEST_F(GatewayCommand, KnowsItsCommandLine) {
  EXPECT_EQ(run_command(kProgram).status, 2);
  EXPECT_EQ(run_command(kProgram + " --nonsense").status, 2);
  const Outcome version = run_command(kProgram + " --version");
  EXPECT_EQ(version.status, 0);
  for (const char* part : {"resurged ", "DPDK ", "IPsec-MB ", "OpenSSL "})
    EXPECT_NE(version.output.find(part), std::string::npos) << version.output;
  const Outcome manual = run_command(kProgram + " --help");
  EXPECT_EQ(manual.status, 0);
  EXPECT_NE(manual.output.find("EXIT STATUS"), std::string::npos);
}

TEST_F(GatewayCommand, SaysWhyItCannotStart) {
  const std::string config = write_config("net_null0");
  const Outcome no_keyring = run_command(kProgram + " " + config);
  EXPECT_EQ(no_keyring.status, 3);
  EXPECT_NE(no_keyring.output.find("make one with `resurge-keys create "), std::string::npos)
      << no_keyring.output;
  create_keyring();
  ASSERT_EQ(run_command("chmod 644 " + folder_.file("keyring")).status, 0);
  const Outcome readable = run_command(kProgram + " " + config);
  EXPECT_EQ(readable.status, 3);
  EXPECT_NE(readable.output.find("is open to group or others"), std::string::npos)
      << readable.output;
  ASSERT_EQ(run_command("chmod 600 " + folder_.file("keyring")).status, 0);
  const Outcome no_device = run_command(kProgram + " " + write_config("net_nonsense0"));
  EXPECT_EQ(no_device.status, 3);
  EXPECT_NE(no_device.output.find("resurged: "), std::string::npos) << no_device.output;
}

// EAL prints its whole manual; what is wrong must not stand somewhere before that.
TEST_F(GatewayCommand, EndsWithTheReasonWhenDpdkDoesNotStart) {
  create_keyring();
  const Outcome outcome =
      run_command(kProgram + " " + write_config("net_null0", "", "'--no-telemetry', '--nonsense'"));
  EXPECT_EQ(outcome.status, 3);
  const std::size_t manual = outcome.output.find("EAL Linux options:");
  const std::size_t reason = outcome.output.find("DPDK does not start: ");
  ASSERT_NE(manual, std::string::npos) << outcome.output;
  ASSERT_NE(reason, std::string::npos) << outcome.output;
  EXPECT_LT(manual, reason) << outcome.output;
}

TEST_F(GatewayCommand, StartsReloadsAndStops) {
  create_keyring();
  const std::string stats = folder_.file("stats.json");
  const std::string config =
      write_config("net_ring0", "[log]\nfile = '" + folder_.file("log") + "'\n");
  const std::string out = folder_.file("out");
  const Outcome outcome = run_command(kProgram + " " + config + " --stats " + stats + " > " + out +
                                      " 2>&1 & pid=$!; "
                                      "for i in $(seq 200); do grep -q READY " +
                                      out +
                                      " && break; kill -0 $pid || break; sleep 0.1; done; "
                                      "kill -HUP $pid; sleep 0.2; kill -TERM $pid; wait $pid");
  EXPECT_EQ(outcome.status, 0) << folder_.read("out") << folder_.read("log");
  EXPECT_NE(folder_.read("out").find("READY\n"), std::string::npos) << folder_.read("out");
  const std::string log = folder_.read("log");
  EXPECT_NE(log.find("up: 1 worker(s), 1 issuers mapped"), std::string::npos) << log;
  EXPECT_NE(log.find("reload: keyring is unchanged"), std::string::npos) << log;
  const auto json = nlohmann::json::parse(folder_.read("stats.json"));
  EXPECT_EQ(json["workers"].size(), 1u);
  EXPECT_GT(json["total"]["idle_bursts"], 0);
}

TEST_F(GatewayCommand, IsSteeredThroughItsSocket) {
  create_keyring();
  const std::string socket = folder_.file("control");
  const std::string config = write_config(
      "net_ring0", "[secrets.ike-all]\nsecret = 'sesame'\n[control]\nsocket = '" + socket + "'\n");
  ASSERT_EQ(run_command("chmod 600 " + config).status, 0);
  const std::string out = folder_.file("out");
  const std::string ctl = std::string(RESURGECTL) + " --socket " + socket + " ";
  const Outcome outcome = run_command(
      kProgram + " " + config + " > " + out +
      " 2>&1 & pid=$!; for i in $(seq 200); do grep -q READY " + out +
      " && break; kill -0 $pid || break; sleep 0.1; done; " + ctl + "stats && " + ctl +
      "list-conns && " + ctl + "list-pools && " + ctl + "rotate-keys && " + ctl +
      "revoke --identity alice@example.org && " + ctl + "reload && " + ctl + "--json counters; " +
      ctl + "terminate --connection a; kill -TERM $pid; wait $pid");
  EXPECT_EQ(outcome.status, 0) << outcome.output << folder_.read("out");
  for (const char* part :
       {"workers          1\n", "\na           psk", "10.0.0.1-10.0.0.254  254   0",
        "tickets of alice@example.org are refused", "\"name\":\"idle_bursts\"",
        "closing 0 IKE SA(s)\n"})
    EXPECT_NE(outcome.output.find(part), std::string::npos) << part << "\n" << outcome.output;
  EXPECT_NE(folder_.read("out").find("control: rotate-keys by uid "), std::string::npos);
  EXPECT_NE(folder_.read("state/revocations").find("identity 03000000"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(socket));
}

}  // namespace
}  // namespace tools
