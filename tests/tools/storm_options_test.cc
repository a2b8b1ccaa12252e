// The command line of resurge-storm, and what it makes of EAL's arguments.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tools/storm/eal_arguments.h"
#include "tools/storm/options.h"

namespace storm {
namespace {

CommandLine read(const std::string& text) {
  std::vector<std::string> words = {"resurge-storm"};
  std::istringstream in(text);
  for (std::string word; in >> word;) words.push_back(word);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  CommandLine line = read_command_line(static_cast<int>(argv.size()), argv.data());
  testing::internal::GetCapturedStdout();
  testing::internal::GetCapturedStderr();
  return line;
}
const std::string kLeast = "--tickets t --gateway 192.0.2.1 --device net_null0";

TEST(StormOptions, HaveDefaults) {
  const CommandLine line = read(kLeast);
  ASSERT_TRUE(line.options.has_value());
  const Options& o = *line.options;
  EXPECT_EQ(o.rate, 0u);
  EXPECT_EQ(o.window, 512u);
  EXPECT_EQ(to_text(o.path.source.base), "198.19.0.0");
  EXPECT_EQ(o.path.gateway_port, 500);
  EXPECT_EQ(o.auth_form, ike::AuthForm::rfc);
  EXPECT_FALSE(o.gateway_mac.has_value());
  EXPECT_FALSE(o.impairments.any());
}

TEST(StormOptions, AreRead) {
  const CommandLine line = read(
      "--tickets t --gateway 2001:db8::1 --device net_null0 --rate 5000 --auth-form libreswan "
      "--float --gateway-mac 02:00:5e:10:aB:01 --loss 5 --retry-ms 250 --child-suite aes128-sha256 "
      "--cpu 3 -- --no-huge -m 100");
  ASSERT_TRUE(line.options.has_value());
  const Options& o = *line.options;
  EXPECT_EQ(o.rate, 5000u);
  EXPECT_EQ(o.window, 65536u);
  EXPECT_EQ(to_text(o.path.source.base), "2001:2:0:1::");
  EXPECT_EQ(o.path.later_gateway_port, 4500);
  EXPECT_EQ(o.auth_form, ike::AuthForm::libreswan);
  EXPECT_EQ((*o.gateway_mac)[4], 0xab);
  EXPECT_DOUBLE_EQ(o.impairments.loss, 0.05);
  EXPECT_EQ(o.retry.first_ns, 250'000'000u);
  EXPECT_EQ(o.child_suite.integ, ike::IntegId::hmac_sha2_256_128);
  EXPECT_EQ(o.eal, (std::vector<std::string>{"--no-huge", "-m", "100"}));
}

TEST(StormOptions, AreReadForConnectingClients) {
  const std::string least = "--connect 20000 --psk-file p --gateway 192.0.2.1 --device net_null0";
  const CommandLine plain = read(least);
  ASSERT_TRUE(plain.options.has_value());
  EXPECT_EQ(plain.options->connect.clients, 20'000u);
  EXPECT_EQ(plain.options->connect.window, 512u);
  EXPECT_EQ(plain.options->connect.reuse_ke, 1u);
  ASSERT_EQ(plain.options->connect.proposal.size(), 1u);
  EXPECT_EQ(plain.options->connect.proposal[0].ke, ike::KeId::curve25519);
  EXPECT_EQ(plain.options->flood.rate, 0u);
  const CommandLine line = read(least +
                                " --rate 100 --connect-rate 7 --connect-window 9 --reuse-ke 50 "
                                "--identity c%u.example --gateway-id gw.example --proposal "
                                "aes128gcm16-prfsha384-ecp256-x25519 --flood-sa-init 5000 "
                                "--flood-source 203.0.113.0/24 --flood-sources 200");
  ASSERT_TRUE(line.options.has_value());
  const ConnectOptions& connect = line.options->connect;
  EXPECT_EQ(connect.rate, 7u);
  EXPECT_EQ(connect.window, 9u);
  EXPECT_EQ(connect.reuse_ke, 50u);
  EXPECT_EQ(connect.proposal.size(), 2u);
  EXPECT_EQ(connect.gateway_id, std::string("\x02\0\0\0gw.example", 14));
  EXPECT_EQ(line.options->flood.rate, 5000u);
  EXPECT_EQ(line.options->flood.sources, 200u);
  EXPECT_EQ(to_text(line.options->flood.source.base), "203.0.113.0");
  for (const char* wrong :
       {"--connect-rate 0", "--reuse-ke 0", "--identity client", "--proposal aes256gcm16",
        "--gateway-id @", "--flood-source x", "--dpd", "--connect 0"})
    EXPECT_EQ(read(least + " " + wrong).status, 2) << wrong;
  EXPECT_EQ(read("--connect 5 --gateway 192.0.2.1 --device net_null0").status, 2);
}

TEST(StormOptions, AreReadForTunnels) {
  const EspOptions plain = read(kLeast).options->esp;
  EXPECT_TRUE(plain.echo);
  EXPECT_EQ(plain.target4, (ike::Ip4{192, 0, 2, 1}));
  EXPECT_FALSE(plain.target6.has_value());
  EXPECT_EQ(plain.rate, 0u);
  const CommandLine line =
      read(kLeast +
           " --echo-to 10.0.0.1 --echo-to fd01::1 --esp-rate 5000 --esp-sessions 100 "
           "--esp-size 512 --esp-seconds 1.5");
  ASSERT_TRUE(line.options.has_value());
  const EspOptions& esp = line.options->esp;
  EXPECT_EQ(esp.target4, (ike::Ip4{10, 0, 0, 1}));
  EXPECT_EQ((*esp.target6)[0], 0xfd);
  EXPECT_EQ(esp.rate, 5000u);
  EXPECT_EQ(esp.sessions, 100u);
  EXPECT_EQ(esp.size, 512u);
  EXPECT_DOUBLE_EQ(esp.seconds, 1.5);
  EXPECT_FALSE(read(kLeast + " --no-echo").options->esp.echo);
  for (const char* wrong : {"--no-echo --esp-rate 5", "--no-echo --echo-to 10.0.0.1",
                            "--esp-sessions 5", "--esp-seconds 1", "--esp-rate 0",
                            "--esp-rate 5 --esp-size 64", "--esp-rate 5 --esp-size 1401",
                            "--echo-to 10.0.0.1 --echo-to 10.0.0.2", "--echo-to nobody"})
    EXPECT_EQ(read(kLeast + " " + wrong).status, 2) << wrong;
}

TEST(StormOptions, EndWithTwoWhenWrong) {
  for (const std::string wrong :
       {"--rate 0", "--rate fast", "--clients 0", "--gateway-mac 02:00", "--auth-form psk",
        "--source 10.0.0.0", "--port 501", "--float --port 4500", "--loss 101", "--nonsense",
        "stray", "--gateway-mac 02-00-5e-10-00-01", "--no-ticket-request --save-tickets x"}) {
    const CommandLine line = read(kLeast + " " + wrong);
    EXPECT_FALSE(line.options.has_value()) << wrong;
    EXPECT_EQ(line.status, 2) << wrong;
  }
  EXPECT_EQ(read("--device net_null0").status, 2);
  EXPECT_EQ(read("--tickets t --gateway nowhere --device net_null0").status, 2);
}

TEST(StormOptions, EndWithZeroAfterHelp) {
  const CommandLine line = read("--help");
  EXPECT_FALSE(line.options.has_value());
  EXPECT_EQ(line.status, 0);
}

bool has(const std::vector<std::string>& arguments, const std::string& wanted) {
  return std::ranges::find(arguments, wanted) != arguments.end();
}

TEST(StormOptions, CompleteEalArguments) {
  const Options vdev = *read(kLeast).options;
  auto arguments = eal_arguments(vdev, 4, false);
  EXPECT_TRUE(has(arguments, "--lcores=0@4,1@4"));
  EXPECT_TRUE(has(arguments, "--no-huge"));
  EXPECT_TRUE(has(arguments, "--no-pci"));
  const Options nic =
      *read("--tickets t --gateway 192.0.2.1 --device 0000:3b:00.0 --cpu 2").options;
  arguments = eal_arguments(nic, 4, true);
  EXPECT_TRUE(has(arguments, "--lcores=0@2,1@2"));
  EXPECT_TRUE(has(arguments, "--in-memory"));
  EXPECT_FALSE(has(arguments, "--no-pci"));
  EXPECT_TRUE(has(arguments, "0000:3b:00.0"));
}

TEST(StormOptions, LeaveGivenEalArgumentsAlone) {
  const Options o = *read(kLeast + " -- -l 0,1 -m 64 --no-pci --file-prefix=x").options;
  const auto arguments = eal_arguments(o, 4, true);
  EXPECT_EQ(arguments, (std::vector<std::string>{"-l", "0,1", "-m", "64", "--no-pci",
                                                 "--file-prefix=x", "--no-telemetry"}));
}

}  // namespace
}  // namespace storm
