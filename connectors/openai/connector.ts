export { OpenAIConnector } from './openai-connector.ts';
export { OpenAIImageConnector } from './image-connector.ts';
export { OpenAITextConnector } from './text-connector.ts';
export { OpenAIVisionConnector } from './vision-connector.ts';
