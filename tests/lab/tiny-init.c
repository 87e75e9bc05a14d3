/* PID 1 of the tests' tiny guest; built static by tiny-guest.sh.
 *
 * It loads the modules listed in /mods, starts qemu-ga and DHCP where there is a port or a NIC for
 * it, paints a blue screen with a yellow rectangle, and then answers commands, a line each, on ttyS0
 * and on the virtio port org.lab.ctl:
 *
 *   ping                      pong
 *   fill RRGGBB               the whole screen in one colour
 *   rect X Y W H RRGGBB       a rectangle
 *   anim FPS                  a moving picture in the middle third; 0 ends it
 *   sum                       a checksum of the framebuffer
 *   mode                      driver and size of the framebuffer
 *   count                     ticks of 10 ms since boot, and the longest gap: was the guest held?
 *   dirty MB                  a thread keeps rewriting that much memory; 0 ends it
 *   disk w TEXT | disk r      writes or reads the first sector of /dev/vda
 *   sh COMMAND | poweroff | reboot | panic
 *
 * Input events are printed as they come: EV <device> <type> <code> <value>. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fb.h>
#include <linux/input.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define DEVICES 16

static volatile int frames_per_second;
static volatile long ticks, longest_gap, dirty_megabytes;

static unsigned char *screen;
static struct fb_var_screeninfo variable;
static struct fb_fix_screeninfo fixed;

static void say(int fd, const char *text) {
  if (write(fd, text, strlen(text)) < 0) {
    /* nobody listens: nothing to be done about it */
  }
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---- screen ---- */

static int open_screen(void) {
  if (screen) return 1;
  int fd = open("/dev/fb0", O_RDWR | O_CLOEXEC);
  if (fd < 0) return 0;
  ioctl(fd, FBIOGET_VSCREENINFO, &variable);
  ioctl(fd, FBIOGET_FSCREENINFO, &fixed);
  void *map = mmap(0, fixed.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map == MAP_FAILED) return 0;
  screen = map;
  return 1;
}

static void put(int x, int y, unsigned colour) {
  unsigned char *p = screen + (long)y * fixed.line_length + x * (variable.bits_per_pixel / 8);
  switch (variable.bits_per_pixel) {
  case 32:
    *(unsigned *)p = colour;
    break;
  case 16:
    *(unsigned short *)p =
        ((colour >> 8) & 0xf800) | ((colour >> 5) & 0x7e0) | ((colour >> 3) & 0x1f);
    break;
  default:
    p[0] = colour;
    p[1] = colour >> 8;
    p[2] = colour >> 16;
  }
}

static void rectangle(int x, int y, int w, int h, unsigned colour) {
  if (!open_screen()) return;
  int width = variable.xres, height = variable.yres;
  if (x < 0) x = 0;
  if (y < 0) y = 0;
  if (x + w > width) w = width - x;
  if (y + h > height) h = height - y;
  for (int j = 0; j < h; j++)
    for (int i = 0; i < w; i++) put(x + i, y + j, colour);
}

static unsigned long checksum(void) {
  unsigned long sum = 1469598103934665603UL;
  if (!open_screen()) return sum;
  for (unsigned j = 0; j < variable.yres; j++) {
    unsigned char *line = screen + (long)j * fixed.line_length;
    for (unsigned i = 0; i < variable.xres * variable.bits_per_pixel / 8; i += 4)
      sum = (sum ^ *(unsigned *)(line + i)) * 1099511628211UL;
  }
  return sum;
}

/* ---- threads ---- */

static void *tick(void *unused) {
  (void)unused;
  double last = now();
  for (;;) {
    usleep(10000);
    ticks++;
    double at = now();
    long gap = (at - last) * 1000;
    if (gap > longest_gap) longest_gap = gap;
    last = at;
  }
  return 0;
}

static void *dirty(void *unused) {
  (void)unused;
  unsigned char *memory = 0, value = 0;
  long have = 0;
  for (;;) {
    long wanted = dirty_megabytes;
    if (wanted != have) {
      if (memory) munmap(memory, have << 20);
      memory = 0;
      have = wanted;
      if (wanted) {
        void *map = mmap(0, wanted << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map != MAP_FAILED) memory = map;
      }
    }
    if (!memory) {
      usleep(50000);
      continue;
    }
    value++;
    for (long i = 0; i < have << 20; i += 4096) memory[i] = value;
  }
  return 0;
}

static void *animate(void *unused) {
  (void)unused;
  for (int t = 0;; t += 3) {
    int rate = frames_per_second;
    if (rate <= 0 || !open_screen()) {
      usleep(100000);
      continue;
    }
    int w = variable.xres / 3, h = variable.yres / 3;
    for (int j = 0; j < h; j++)
      for (int i = 0; i < w; i++)
        put(w + i, h + j, (((i + t) & 255) << 16) | (((j + 2 * t) & 255) << 8) | ((i + j - t) & 255));
    usleep(1000000 / rate);
  }
  return 0;
}

/* ---- commands ---- */

static void disk_write(const char *text, char *answer, size_t size) {
  char sector[512] = {0};
  memcpy(sector, text, strnlen(text, sizeof sector - 1));
  int fd = open("/dev/vda", O_RDWR | O_SYNC);
  int done = fd < 0 ? -1 : (int)pwrite(fd, sector, sizeof sector, 0);
  snprintf(answer, size, "disk %s\n", done == 512 ? "ok" : strerror(errno));
  if (fd >= 0) close(fd);
}

static void disk_read(char *answer, size_t size) {
  char text[513] = {0};
  void *block = 0;
  int fd = open("/dev/vda", O_RDONLY | O_DIRECT);
  if (posix_memalign(&block, 4096, 4096)) block = 0;
  int done = fd < 0 || !block ? -1 : (int)pread(fd, block, 4096, 0);
  if (done > 0) memcpy(text, block, 512);
  snprintf(answer, size, "disk [%s] %s\n", text, done > 0 ? "" : strerror(errno));
  if (fd >= 0) close(fd);
  free(block);
}

static void shell(int fd, const char *command) {
  char piece[4096];
  size_t got;
  FILE *pipe = popen(command, "r");
  if (!pipe) return;
  while ((got = fread(piece, 1, sizeof piece - 1, pipe)) > 0) {
    piece[got] = 0;
    say(fd, piece);
  }
  pclose(pipe);
}

static void obey(int fd, char *line) {
  char answer[4096] = "ok\n";
  unsigned colour;
  int x, y, w, h, number;
  long megabytes;
  line[strcspn(line, "\r\n")] = 0;
  if (!*line) return;
  if (!strcmp(line, "ping")) {
    strcpy(answer, "pong\n");
  } else if (sscanf(line, "fill %x", &colour) == 1) {
    open_screen();
    rectangle(0, 0, variable.xres, variable.yres, colour);
  } else if (sscanf(line, "rect %d %d %d %d %x", &x, &y, &w, &h, &colour) == 5) {
    rectangle(x, y, w, h, colour);
  } else if (sscanf(line, "anim %d", &number) == 1) {
    frames_per_second = number;
  } else if (!strcmp(line, "mode")) {
    const char *driver = open_screen() ? fixed.id : "none";
    snprintf(answer, sizeof answer, "%s %ux%ux%u\n", driver, variable.xres, variable.yres,
             variable.bits_per_pixel);
  } else if (!strcmp(line, "sum")) {
    snprintf(answer, sizeof answer, "sum %016lx\n", checksum());
  } else if (!strcmp(line, "count")) {
    snprintf(answer, sizeof answer, "count %ld maxgap_ms %ld\n", ticks, longest_gap);
    longest_gap = 0;
  } else if (sscanf(line, "dirty %ld", &megabytes) == 1) {
    dirty_megabytes = megabytes;
  } else if (!strncmp(line, "disk w ", 7)) {
    disk_write(line + 7, answer, sizeof answer);
  } else if (!strcmp(line, "disk r")) {
    disk_read(answer, sizeof answer);
  } else if (!strncmp(line, "sh ", 3)) {
    shell(fd, line + 3);
    strcpy(answer, "done\n");
  } else if (!strcmp(line, "poweroff")) {
    sync();
    reboot(RB_POWER_OFF);
    return;
  } else if (!strcmp(line, "reboot")) {
    sync();
    reboot(RB_AUTOBOOT);
    return;
  } else if (!strcmp(line, "panic")) {
    say(open("/proc/sysrq-trigger", O_WRONLY), "c");
    return;
  } else {
    snprintf(answer, sizeof answer, "? %s\n", line);
  }
  say(fd, answer);
}

/* ---- start ---- */

static void load_modules(void) {
  char line[256];
  FILE *list = fopen("/mods", "r");
  if (!list) return;
  while (fgets(line, sizeof line, list)) {
    line[strcspn(line, "\n")] = 0;
    int fd = open(line, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    syscall(SYS_finit_module, fd, "", 0);
    close(fd);
  }
  fclose(list);
}

/* What udev would do: links from the names of virtio ports to their devices. */
static void name_ports(void) {
  struct dirent *entry;
  DIR *ports = opendir("/sys/class/virtio-ports");
  mkdir("/dev/virtio-ports", 0755);
  if (!ports) return;
  while ((entry = readdir(ports))) {
    if (entry->d_name[0] == '.') continue;
    char path[512], name[128] = "", target[300], link[300];
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
    FILE *file = fopen(path, "r");
    if (file) {
      if (fgets(name, sizeof name, file)) name[strcspn(name, "\n")] = 0;
      fclose(file);
    }
    if (!*name) continue;
    snprintf(target, sizeof target, "../%s", entry->d_name);
    snprintf(link, sizeof link, "/dev/virtio-ports/%s", name);
    if (symlink(target, link)) say(2, "a virtio port could not be named\n");
  }
  closedir(ports);
}

static void start_services(void) {
  if (!access("/dev/virtio-ports/org.qemu.guest_agent.0", F_OK) && !access("/usr/sbin/qemu-ga", X_OK) &&
      !fork()) {
    setsid();
    execl("/usr/sbin/qemu-ga", "qemu-ga", "-d", NULL);
    _exit(1);
  }
  if (!access("/sys/class/net/eth0", F_OK) && !fork()) {
    int status = system("ip link set lo up; ip link set eth0 up; "
                        "udhcpc -b -i eth0 -s /bin/dhcp >/dev/null 2>&1 &");
    _exit(status != 0);
  }
}

static int open_console(void) {
  struct termios settings;
  int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
  if (fd < 0) fd = open("/dev/console", O_RDWR);
  if (!tcgetattr(fd, &settings)) {
    cfmakeraw(&settings);
    tcsetattr(fd, TCSANOW, &settings);
  }
  dup2(fd, 0);
  dup2(fd, 1);
  dup2(fd, 2);
  return fd;
}

/* Lines of one source of commands. */
struct source {
  int fd;
  int length;
  char text[1024];
};

static void read_commands(struct source *source) {
  char *end;
  int got = read(source->fd, source->text + source->length, sizeof source->text - 1 - source->length);
  if (got <= 0) return;
  source->length += got;
  source->text[source->length] = 0;
  while ((end = strpbrk(source->text, "\r\n"))) {
    *end = 0;
    obey(source->fd, source->text);
    memmove(source->text, end + 1, strlen(end + 1) + 1);
    source->length = strlen(source->text);
  }
  if (source->length > 1000) source->length = 0;
}

static void print_events(int device, int fd, struct source sources[2]) {
  struct input_event events[32];
  char line[64];
  int got = read(fd, events, sizeof events);
  for (int i = 0; i < got / (int)sizeof *events; i++) {
    if (events[i].type == EV_SYN || events[i].type == EV_MSC) continue;
    snprintf(line, sizeof line, "EV %d %d %d %d\n", device, events[i].type, events[i].code,
             events[i].value);
    for (int s = 0; s < 2; s++)
      if (sources[s].fd >= 0) say(sources[s].fd, line);
  }
}

int main(void) {
  mount("proc", "/proc", "proc", 0, 0);
  mount("sys", "/sys", "sysfs", 0, 0);
  mount("dev", "/dev", "devtmpfs", 0, 0);
  mkdir("/dev/pts", 0755);
  mount("pts", "/dev/pts", "devpts", 0, 0);
  mkdir("/var", 0755);
  mkdir("/var/run", 0755);

  struct source sources[2] = {{.fd = open_console()}, {.fd = -1}};
  setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
  load_modules();
  name_ports();
  start_services();
  sources[1].fd = open("/dev/virtio-ports/org.lab.ctl", O_RDWR | O_NONBLOCK);

  pthread_t thread;
  pthread_create(&thread, 0, tick, 0);
  pthread_create(&thread, 0, animate, 0);
  pthread_create(&thread, 0, dirty, 0);

  if (open_screen()) {
    rectangle(0, 0, variable.xres, variable.yres, 0x204060);
    rectangle(40, 40, 200, 100, 0xe0a020);
  }
  char line[256];
  snprintf(line, sizeof line, "TINY-READY uptime %.2f fb %s %ux%u\n", now(), screen ? fixed.id : "none",
           variable.xres, variable.yres);
  say(sources[0].fd, line);

  int devices[DEVICES], count = 0;
  double last_scan = 0;
  for (;;) {
    while (waitpid(-1, 0, WNOHANG) > 0) {
    }
    /* Devices come and go with USB; new ones get the next number. */
    if (now() - last_scan > 1) {
      last_scan = now();
      while (count < DEVICES) {
        snprintf(line, sizeof line, "/dev/input/event%d", count);
        int fd = open(line, O_RDONLY | O_NONBLOCK);
        if (fd < 0) break;
        devices[count++] = fd;
      }
    }
    struct pollfd wait[2 + DEVICES];
    for (int s = 0; s < 2; s++) wait[s] = (struct pollfd){sources[s].fd, POLLIN, 0};
    for (int d = 0; d < count; d++) wait[2 + d] = (struct pollfd){devices[d], POLLIN, 0};
    if (poll(wait, 2 + count, 500) <= 0) continue;
    for (int s = 0; s < 2; s++) {
      if (wait[s].revents & POLLIN)
        read_commands(&sources[s]);
      else if (wait[s].revents & POLLHUP)
        usleep(20000);
    }
    for (int d = 0; d < count; d++)
      if (wait[2 + d].revents & POLLIN) print_events(d, devices[d], sources);
  }
}
