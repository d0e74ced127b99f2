import { computed, onMounted, onUnmounted, ref, type Ref } from 'vue';

/** So many rows beyond what is seen are there, so that a quick scroll shows no hole. */
const SPARE = 12;

/** Of a long list of rows of one height, those that are seen. */
export function useWindowed(scroller: Ref<HTMLElement | undefined>, count: Ref<number>, rowHeight: number) {
	const top = ref(0);
	const height = ref(0);
	let observer: ResizeObserver | undefined;

	const first = computed(() => Math.max(0, Math.min(Math.floor(top.value / rowHeight) - SPARE, count.value - 1)));
	const end = computed(() => Math.min(count.value, Math.ceil((top.value + height.value) / rowHeight) + SPARE));
	const before = computed(() => first.value * rowHeight);
	const after = computed(() => (count.value - end.value) * rowHeight);

	const look = (): void => {
		if (!scroller.value) return;
		top.value = scroller.value.scrollTop;
		height.value = scroller.value.clientHeight;
	};

	onMounted(() => {
		look();
		observer = new ResizeObserver(look);
		if (scroller.value) observer.observe(scroller.value);
	});
	onUnmounted(() => observer?.disconnect());

	return { first, end, before, after, look };
}
